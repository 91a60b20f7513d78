"""Times epochs of the networks of bench_networks.rs: in Keras, whose backend KERAS_BACKEND tells, or
in PyTorch.

    bench_networks.py keras|keras_jit|torch|torch_compile|products NETWORK [--bfloat16] [--epochs 3]

`products` are the multiplications alone that an epoch cannot do without, by the library that PyTorch and
TensorFlow call (oneDNN): every layer's output, its kernel's gradient and, behind the first layer, its input's.
Prints one line of JSON: seconds of every epoch but the first, which compiles and warms up.
"""
import json
import os
import sys
import time

import numpy as np

THREADS = len(os.sched_getaffinity(0))
# Shape of an example, examples, batch, targets.
DATA = {
    "mlp": ((784,), 25600, 128, "classes"),
    "mnist_cnn": ((28, 28, 1), 6400, 128, "classes"),
    "small_cnn": ((32, 32, 3), 3200, 32, "classes"),
    "table": ((13,), 12800, 32, "number"),
    "vgg": ((32, 32, 3), 640, 64, "classes"),
    "autoencoder": ((28, 28, 1), 2560, 128, "input"),
    "mobilenet": ((32, 32, 3), 1280, 64, "classes"),
}


def data(network):
    shape, count, batch, targets = DATA[network]
    rng = np.random.default_rng(0)
    x = rng.random((count, *shape), dtype=np.float32)
    y = {
        "classes": lambda: rng.integers(0, 10, count),
        "number": lambda: rng.random((count, 1), dtype=np.float32),
        "input": lambda: x,
    }[targets]()
    return x, y, batch


def keras_network(network):
    import keras
    from keras import layers as L

    def conv(filters, **options):
        return L.Conv2D(filters, 3, **options)

    relu = dict(activation="relu")
    if network == "mlp":
        body = [L.Dense(512, **relu), L.Dropout(0.2), L.Dense(512, **relu), L.Dropout(0.2)]
    elif network == "mnist_cnn":
        body = [conv(32, **relu), L.MaxPooling2D(2), conv(64, **relu), L.MaxPooling2D(2)]
        body += [L.Flatten(), L.Dropout(0.5)]
    elif network == "small_cnn":
        body = [conv(32, **relu), L.MaxPooling2D(2), conv(64, **relu), L.MaxPooling2D(2)]
        body += [conv(64, **relu), L.Flatten(), L.Dense(64, **relu)]
    elif network == "table":
        body = [L.Dense(64, **relu), L.Dense(64, **relu), L.Dense(1)]
    elif network == "vgg":
        body = []
        for filters in [64, 128, 256]:
            for _ in range(2):
                body += [conv(filters, padding="same"), L.BatchNormalization(), L.Activation("relu")]
            body.append(L.MaxPooling2D(2))
        body.append(L.Flatten())
    elif network == "autoencoder":
        up = lambda: L.Conv2DTranspose(32, 3, strides=2, padding="same", **relu)
        body = [conv(32, padding="same", **relu), L.MaxPooling2D(2)]
        body += [conv(32, padding="same", **relu), L.MaxPooling2D(2), up(), up()]
        body.append(conv(1, padding="same", activation="sigmoid", dtype="float32"))
    else:
        body = [conv(32, padding="same"), L.BatchNormalization(), L.Activation("relu")]
        for filters, strides in [(64, 1), (128, 2), (128, 1), (256, 2)]:
            body += [L.SeparableConv2D(filters, 3, strides=strides, padding="same")]
            body += [L.BatchNormalization(), L.Activation("relu")]
        body.append(L.GlobalAveragePooling2D())
    if DATA[network][3] == "classes":
        body.append(L.Dense(10, activation="softmax", dtype="float32"))
    return keras.Sequential([keras.Input(DATA[network][0]), *body])


def keras_seconds(network, jit, bfloat16, epochs):
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    if bfloat16:
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    x, y, batch = data(network)
    model = keras_network(network)
    loss = {"classes": "sparse_categorical_crossentropy", "number": "mse", "input": "binary_crossentropy"}
    model.compile("adam", loss[DATA[network][3]], jit_compile=jit)
    seconds = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            seconds.append(time.perf_counter() - self.start)

    model.fit(x, y, batch_size=batch, epochs=epochs + 1, verbose=0, callbacks=[Clock()])
    return seconds[1:]


def torch_network(network):
    from torch import nn

    def conv(before, filters, padding=0):
        return nn.Conv2d(before, filters, 3, padding=padding)

    relu, pool = nn.ReLU, lambda: nn.MaxPool2d(2)
    if network == "mlp":
        layers = [nn.Linear(784, 512), relu(), nn.Dropout(0.2), nn.Linear(512, 512), relu()]
        layers += [nn.Dropout(0.2), nn.Linear(512, 10)]
    elif network == "mnist_cnn":
        layers = [conv(1, 32), relu(), pool(), conv(32, 64), relu(), pool(), nn.Flatten()]
        layers += [nn.Dropout(0.5), nn.Linear(1600, 10)]
    elif network == "small_cnn":
        layers = [conv(3, 32), relu(), pool(), conv(32, 64), relu(), pool(), conv(64, 64), relu()]
        layers += [nn.Flatten(), nn.Linear(1024, 64), relu(), nn.Linear(64, 10)]
    elif network == "table":
        layers = [nn.Linear(13, 64), relu(), nn.Linear(64, 64), relu(), nn.Linear(64, 1)]
    elif network == "vgg":
        layers, before = [], 3
        for filters in [64, 128, 256]:
            for _ in range(2):
                layers += [conv(before, filters, 1), nn.BatchNorm2d(filters), relu()]
                before = filters
            layers.append(pool())
        layers += [nn.Flatten(), nn.Linear(4096, 10)]
    elif network == "autoencoder":
        up = lambda: nn.ConvTranspose2d(32, 32, 3, stride=2, padding=1, output_padding=1)
        layers = [conv(1, 32, 1), relu(), pool(), conv(32, 32, 1), relu(), pool()]
        layers += [up(), relu(), up(), relu(), conv(32, 1, 1)]
    else:
        layers, before = [conv(3, 32, 1), nn.BatchNorm2d(32), relu()], 32
        for filters, stride in [(64, 1), (128, 2), (128, 1), (256, 2)]:
            depthwise = nn.Conv2d(before, before, 3, stride=stride, padding=1, groups=before, bias=False)
            layers += [depthwise, nn.Conv2d(before, filters, 1), nn.BatchNorm2d(filters), relu()]
            before = filters
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10)]
    return nn.Sequential(*layers)


def torch_seconds(network, compiled, bfloat16, epochs):
    import torch

    torch.set_num_threads(THREADS)
    x, y, batch = data(network)
    if x.ndim == 4:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    targets = DATA[network][3]
    x = torch.from_numpy(x)
    y = x if targets == "input" else torch.from_numpy(y)
    model = torch_network(network)
    if x.ndim == 4:
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    losses = {
        "classes": torch.nn.CrossEntropyLoss(),
        "number": torch.nn.MSELoss(),
        "input": torch.nn.BCEWithLogitsLoss(),
    }
    loss = losses[targets]
    optimizer = torch.optim.Adam(model.parameters())
    run = torch.compile(model) if compiled else model
    seconds = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        order = torch.randperm(len(x))
        for place in range(0, len(x), batch):
            rows = order[place : place + batch]
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                out = run(x[rows])
            optimizer.zero_grad()
            loss(out.float(), y[rows]).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def products_seconds(network, bfloat16, epochs):
    import torch
    from torch import nn

    torch.set_num_threads(THREADS)
    shape, count, batch, _ = DATA[network]
    x = torch.rand(batch, *(shape[-1:] + shape[:-1]))
    kind = torch.bfloat16 if bfloat16 else torch.float32
    model = torch_network(network)
    if x.ndim == 4:
        x, model = (part.to(memory_format=torch.channels_last) for part in (x, model))
    works = []

    def note(layer, inputs, output):
        like = dict(dtype=kind, memory_format=torch.preserve_format)
        wanted = [bool(works), True, False]
        put, gradient, weight = (part.detach().to(**like) for part in (inputs[0], output, layer.weight))
        if isinstance(layer, nn.Linear):
            works.append((lambda: put @ weight.T, lambda: gradient.T @ put))
            if wanted[0]:
                works.append((lambda: gradient @ weight,))
            return
        turned = isinstance(layer, nn.ConvTranspose2d)
        out = layer.output_padding if turned else (0, 0)
        how = (layer.stride, layer.padding, layer.dilation, turned, out, layer.groups)
        ops = torch.ops.aten
        works.append((
            lambda: ops.convolution(put, weight, None, *how),
            lambda: ops.convolution_backward(gradient, put, weight, None, *how, wanted),
        ))

    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            layer.register_forward_hook(note)
    seconds = []
    with torch.no_grad():
        model(x)
        for _ in range(epochs + 1):
            start = time.perf_counter()
            for _ in range(count // batch):
                for work in works:
                    for product in work:
                        product()
            seconds.append(time.perf_counter() - start)
    return seconds[1:]


def main():
    program, network, *options = sys.argv[1:]
    epochs = int(options[options.index("--epochs") + 1]) if "--epochs" in options else 3
    bfloat16 = "--bfloat16" in options
    if program == "products":
        seconds = products_seconds(network, bfloat16, epochs)
    elif program.startswith("keras"):
        seconds = keras_seconds(network, program == "keras_jit", bfloat16, epochs)
    else:
        seconds = torch_seconds(network, program == "torch_compile", bfloat16, epochs)
    print(json.dumps({"seconds": seconds}))


main()
