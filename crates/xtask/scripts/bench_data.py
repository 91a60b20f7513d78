"""What `cargo xtask bench data` compares labbook with, and the files that all of them read.

    python bench_data.py write FOLDER IMAGES ROWS
    python bench_data.py WORK PROGRAM FOLDER

The second times a work (images, idx, csv) by a program of Python and ends with a line of JSON: what it took from files to
tensors, in seconds, and how many examples those were; the best of three rounds.
"""

import gzip
import json
import os
import pathlib
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np

SIZE = (180, 180)
BATCH = 32
NUMBERS = ["length", "width", "depth", "mass", "age", "distance"]
KINDS = ["island", "colour"]


def write(folder, images, rows):
    if not (folder / "written").exists():
        write_images(folder / "images", images)
        write_idx(folder / "idx")
        write_csv(folder / "table.csv", rows)
        (folder / "written").touch()


def write_images(folder, count):
    """Photographs are smooth in places and rough in others: sums of waves, and noise."""
    from PIL import Image

    numbers = np.random.default_rng(1)
    y, x = (np.mgrid[0:256, 0:256] / 256).astype(np.float32)
    noise = numbers.normal(0, 8, (512, 512, 3)).astype(np.float32)
    for number in range(count):
        waves = [np.sin(numbers.uniform(2, 40) * (x * numbers.normal() + y * numbers.normal())) for _ in range(9)]
        image = np.stack([sum(waves[i : i + 3]) for i in (0, 3, 6)], -1) * 40 + 127
        top, left = numbers.integers(0, 256, 2)
        image += noise[top : top + 256, left : left + 256] * (x[..., None] > 0.5)
        path = folder / ("even" if number % 2 == 0 else "odd") / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def write_idx(folder):
    """As many digits as MNIST's, mostly black as those."""
    folder.mkdir(exist_ok=True)
    numbers = np.random.default_rng(2)
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        images = numbers.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        images *= (np.hypot(*(np.mgrid[0:28, 0:28] - 14)) < 7).astype(np.uint8)
        labels = numbers.integers(0, 10, count, dtype=np.uint8)
        for name, values in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
            with gzip.open(folder / f"{name}.gz", "wb", compresslevel=6) as file:
                file.write(head + values.tobytes())


def write_csv(path, rows):
    import pandas

    numbers = np.random.default_rng(3)
    frame = {name: numbers.normal(100, 20, rows).round(2) for name in NUMBERS}
    frame["island"] = numbers.choice(["Biscoe", "Dream", "Torgersen"], rows)
    frame["colour"] = numbers.choice(["red", "green", "blue", "black", "white"], rows)
    frame = pandas.DataFrame(frame)
    for name in NUMBERS[:2] + KINDS[:1]:
        frame.loc[numbers.random(rows) < 0.02, name] = None
    frame.to_csv(path, index=False)


def images_keras(folder):
    import keras

    data = keras.utils.image_dataset_from_directory(
        folder / "images", image_size=SIZE, batch_size=BATCH, verbose=False
    ).prefetch(2)
    return lambda: sum(len(images) for images, _ in data)


def images_torch(folder):
    import torch
    from PIL import Image

    class Folder(torch.utils.data.Dataset):
        def __init__(self):
            self.files = sorted((folder / "images").glob("*/*.jpg"))

        def __len__(self):
            return len(self.files)

        def __getitem__(self, number):
            image = Image.open(self.files[number]).convert("RGB").resize(SIZE, Image.BILINEAR)
            return torch.from_numpy(np.asarray(image, np.float32).transpose(2, 0, 1) / 255)

    loader = torch.utils.data.DataLoader(Folder(), batch_size=BATCH, shuffle=True, num_workers=2)
    return lambda: sum(len(images) for images in loader)


def idx_numpy(folder):
    import torch

    def read(name, offset):
        with gzip.open(folder / "idx" / f"{name}.gz", "rb") as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    def run():
        count = 0
        for part in ("train", "t10k"):
            images = read(f"{part}-images-idx3-ubyte", 16).reshape(-1, 28, 28)
            labels = torch.from_numpy(read(f"{part}-labels-idx1-ubyte", 8).astype(np.int64))
            count += min(len(torch.from_numpy(images.astype(np.float32))), len(labels))
        return count

    return run


def csv_pandas(folder):
    import pandas
    import torch

    def run():
        frame = pandas.read_csv(folder / "table.csv")
        numbers = frame[NUMBERS]
        numbers = numbers.fillna(numbers.mean())
        numbers = (numbers - numbers.mean()) / numbers.std(ddof=0)
        kinds = frame[KINDS].fillna(frame[KINDS].mode().iloc[0])
        kinds = pandas.get_dummies(kinds)
        return len(torch.from_numpy(np.hstack([numbers.to_numpy(np.float32), kinds.to_numpy(np.float32)])))

    return run


def csv_polars(folder):
    import polars
    import torch

    def run():
        frame = polars.read_csv(folder / "table.csv")
        numbers = frame.select(NUMBERS).with_columns(polars.all().fill_null(strategy="mean"))
        numbers = numbers.select((polars.all() - polars.all().mean()) / polars.all().std(ddof=0))
        kinds = frame.select(polars.col(kind).fill_null(polars.col(kind).drop_nulls().mode().first()) for kind in KINDS)
        kinds = kinds.to_dummies()
        return len(torch.from_numpy(np.hstack([
            numbers.cast(polars.Float32).to_numpy(), kinds.cast(polars.Float32).to_numpy(),
        ])))

    return run


def measure(run):
    best, count = None, 0
    for _ in range(3):
        begin = time.perf_counter()
        count = run()
        seconds = time.perf_counter() - begin
        best = seconds if best is None else min(best, seconds)
    print(json.dumps({"examples": count, "seconds": best}))


if sys.argv[1] == "write":
    write(pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
else:
    work, program, folder = sys.argv[1:]
    measure(globals()[f"{work}_{program}"](pathlib.Path(folder)))
