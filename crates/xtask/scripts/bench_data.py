"""How fast a folder of images becomes batches of 32 in 180 x 180, in Keras and PyTorch, beside bench_images.rs.

    python bench_images.py write FOLDER 2000    writes JPEGs of 256 x 256 in two classes
    python bench_images.py keras FOLDER         image_dataset_from_directory, with its own threads
    python bench_images.py torch FOLDER         Pillow in a DataLoader of two processes, as torchvision reads

Needs tensorflow-cpu, keras, pillow, and torch for the last.
"""

import os
import pathlib
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
from PIL import Image


def write(folder, count):
    """Photographs are smooth in places and rough in others: sums of waves, and noise."""
    numbers = np.random.default_rng(1)
    y, x = np.mgrid[0:256, 0:256] / 256
    for number in range(count):
        waves = [np.sin(numbers.uniform(2, 40) * (x * numbers.normal() + y * numbers.normal())) for _ in range(9)]
        image = np.stack([sum(waves[i : i + 3]) for i in (0, 3, 6)], -1) * 40 + 127
        image += numbers.normal(0, 8, image.shape) * (x[..., None] > 0.5)
        path = folder / ("even" if number % 2 == 0 else "odd") / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def measure(name, epoch):
    for _ in range(3):
        begin = time.perf_counter()
        images = sum(len(batch) for batch in epoch())
        print(f"{name}: {images} images, {images / (time.perf_counter() - begin):.0f} per second")


def in_keras(folder):
    import keras

    data = keras.utils.image_dataset_from_directory(folder, image_size=(180, 180), verbose=False).prefetch(2)
    measure("Keras", lambda: (images for images, _ in data))


def in_torch(folder):
    import torch

    class Folder(torch.utils.data.Dataset):
        def __init__(self):
            self.files = sorted(folder.glob("*/*.jpg"))

        def __len__(self):
            return len(self.files)

        def __getitem__(self, number):
            image = Image.open(self.files[number]).convert("RGB").resize((180, 180), Image.BILINEAR)
            return torch.from_numpy(np.asarray(image, np.float32).transpose(2, 0, 1) / 255)

    loader = torch.utils.data.DataLoader(Folder(), batch_size=32, shuffle=True, num_workers=2)
    measure("PyTorch", lambda: loader)


command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if command == "write":
    write(folder, int(sys.argv[3]))
elif command == "keras":
    in_keras(folder)
else:
    in_torch(folder)
