"""Times training steps of one of the notebook's networks in Keras/TensorFlow or PyTorch.

    bench_train.py keras|torch EXPERIMENT FOLDER [--steps 20] [--batch 512] [--divisor 1]
        [--learning-rate 0.001] [--check] [--nudge]

FOLDER holds start.safetensors with initial weights and batches, which labbook-nn's example of the same
name wrote. Prints one line of JSON like that example. Each program is used as its users would: Keras by
train_on_batch's compiled step in fit(), PyTorch eagerly with channels-last convolutions and fused Adam.
--nudge moves every initial weight to the next number, to see what rounding alone does to the loss.
"""

import argparse
import json
import os
import pathlib
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
from safetensors.numpy import load_file

FILTERS = {3: [512, 1024], 4: [512, 1024, 1024]}
HIDDEN = {1: [64, 64], 2: [64, 64, 64], 9: [128, 128], 13: [512, 512]}
PENALTY = 0.01


def by_keras(options, weights, x, y):
    import keras
    from keras import layers

    def penalty():
        return keras.regularizers.L1L2(PENALTY, PENALTY) if options.experiment == 9 else None

    model = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in FILTERS.get(options.experiment, []):
        model.add(layers.Conv2D(filters // options.divisor, (3, 3), activation="relu"))
        model.add(layers.MaxPooling2D((2, 2), strides=2))
    for units in HIDDEN.get(options.experiment, []):
        units //= options.divisor
        model.add(layers.Dense(units, activation="relu", kernel_regularizer=penalty()))
    if options.experiment == 13 and not options.check:
        model.add(layers.Dropout(0.2))
    model.add(layers.Flatten())
    if options.experiment in FILTERS:
        model.add(layers.Dense(512, activation="relu"))
    # Keras recognises the softmax and computes the loss from the values before it.
    model.add(layers.Dense(10, activation="softmax", kernel_regularizer=penalty()))
    model.set_weights(weights)
    adam = keras.optimizers.Adam(options.learning_rate)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])

    ticks = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            ticks.append((time.perf_counter(), time.process_time()))

    count = options.steps * options.batch
    model.fit(x[:count], y[:count], batch_size=options.batch, shuffle=False, verbose=0, callbacks=[Clock()])
    if not options.check:
        return ticks, None
    return ticks, model.evaluate(x[count:], y[count:], batch_size=options.batch, verbose=0)[0]


def by_torch(options, weights, x, y):
    import torch
    from torch import nn
    from torch.nn import functional

    class PerPixel(nn.Module):
        """Keras's Dense on images: a linear layer over the last axis."""

        def __init__(self, inputs, units):
            super().__init__()
            self.linear = nn.Linear(inputs, units)

        def forward(self, images):
            return functional.relu(self.linear(images))

    convolutional = options.experiment in FILTERS
    layers, channels, side = [], 3, 32
    for filters in FILTERS.get(options.experiment, []):
        layers += [nn.Conv2d(channels, filters // options.divisor, 3), nn.ReLU(), nn.MaxPool2d(2)]
        channels, side = filters // options.divisor, (side - 2) // 2
    for units in HIDDEN.get(options.experiment, []):
        layers.append(PerPixel(channels, units // options.divisor))
        channels = units // options.divisor
    if options.experiment == 13 and not options.check:
        layers.append(nn.Dropout(0.2))
    layers.append(nn.Flatten())
    width = side * side * channels
    if convolutional:
        layers += [nn.Linear(width, 512), nn.ReLU()]
        width = 512
    layers.append(nn.Linear(width, 10))
    model = nn.Sequential(*layers)

    x, y = torch.from_numpy(x), torch.from_numpy(y)
    arrays = iter(weights)
    with torch.no_grad():
        first_dense = convolutional
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.copy_(torch.from_numpy(next(arrays)).permute(3, 2, 0, 1))
                module.bias.copy_(torch.from_numpy(next(arrays)))
            elif isinstance(module, nn.Linear):
                kernel = torch.from_numpy(next(arrays))
                if first_dense:
                    # PyTorch flattens channels first, Keras channels last.
                    kernel = kernel.reshape(side, side, channels, -1).permute(2, 0, 1, 3).flatten(0, 2)
                    first_dense = False
                module.weight.copy_(kernel.T)
                module.bias.copy_(torch.from_numpy(next(arrays)))
    if convolutional:
        model = model.to(memory_format=torch.channels_last)
        x = x.permute(0, 3, 1, 2)
    kernels = [module.weight for module in model.modules() if isinstance(module, nn.Linear)]
    adam = torch.optim.Adam(model.parameters(), options.learning_rate, fused=True)
    [group] = adam.param_groups

    def loss_of(start):
        loss = functional.cross_entropy(model(x[start : start + options.batch]), y[start : start + options.batch])
        if options.experiment == 9:
            loss = loss + sum(PENALTY * (kernel.abs().sum() + kernel.square().sum()) for kernel in kernels)
        return loss

    ticks = []
    for step in range(options.steps):
        adam.zero_grad()
        loss_of(step * options.batch).backward()
        # Keras's epsilon counts before the correction of the second moment, PyTorch's after.
        group["eps"] = 1e-7 / (1 - group["betas"][1] ** (step + 1)) ** 0.5
        adam.step()
        ticks.append((time.perf_counter(), time.process_time()))
    if not options.check:
        return ticks, None
    model.eval()
    with torch.no_grad():
        return ticks, float(loss_of(options.steps * options.batch))


def peak_memory():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["keras", "torch"])
    parser.add_argument("experiment", type=int)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--divisor", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--nudge", action="store_true")
    options = parser.parse_args()
    start = load_file(options.folder / "start.safetensors")
    weights = [start[f"w{index}"] for index in range(len(start) - 2)]
    if options.nudge:
        weights = [np.nextafter(weight, np.float32(np.inf)) for weight in weights]
    x = start["x"].astype(np.float32) / 255
    ticks, loss = (by_keras if options.program == "keras" else by_torch)(options, weights, x, start["y"])
    figures = {
        "program": options.program,
        "experiment": options.experiment,
        "milliseconds": [(after[0] - before[0]) * 1e3 for before, after in zip(ticks, ticks[1:])],
        "processor_milliseconds": [(after[1] - before[1]) * 1e3 for before, after in zip(ticks, ticks[1:])],
        "loss": loss,
        "peak_mib": peak_memory(),
    }
    print(json.dumps(figures))
    sys.stdout.flush()


main()
