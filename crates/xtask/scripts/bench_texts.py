"""Trains the networks of bench_texts.rs on the arrays that it wrote: in Keras, whose backend KERAS_BACKEND
tells, or in PyTorch.

    bench_texts.py keras|keras_jit|torch NETWORK FOLDER [--epochs 4] [--seeds 3]

Prints one line of JSON: test accuracy and macro F1 for each seed from 0 on, and the seconds of every epoch but
each seed's first, which compiles and warms up.
"""
import json
import os
import sys
import time

import numpy as np

THREADS = len(os.sched_getaffinity(0))
WORDS, LENGTH, BATCH = 10000, 150, 64


def data(network, folder):
    name = "multi_hot" if network == "dense" else "places"
    load = lambda name: np.load(os.path.join(folder, name + ".npy"))
    parts = ["train", "test"]
    return [load(f"{name}_{part}") for part in parts] + [load(f"labels_{part}") for part in parts]


def scores(truth, predicted):
    f1 = []
    for label in np.unique(np.concatenate([truth, predicted])):
        right = np.sum((truth == label) & (predicted == label))
        f1.append(2 * right / (np.sum(truth == label) + np.sum(predicted == label)))
    return float(np.mean(truth == predicted)), float(np.mean(f1))


def keras_network(network, classes):
    import keras
    from keras import layers as L

    class Positions(L.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def build(self, shape):
            self.table = self.add_weight(shape=shape[1:], initializer="glorot_uniform")

        def call(self, x):
            return x + self.table

    ending = L.Dense(classes, activation="softmax")
    if network == "dense":
        return keras.Sequential([keras.Input([WORDS]), L.Dense(64, activation="relu"), ending])
    words = keras.Input([LENGTH], dtype="int32")
    if network == "conv":
        x = L.Embedding(WORDS, 64)(words)
        x = L.GlobalMaxPooling1D()(L.Conv1D(64, 5, activation="relu")(x))
    elif network == "lstm":
        x = L.Embedding(WORDS, 64, mask_zero=True)(words)
        x = L.Bidirectional(L.LSTM(32))(x)
    else:
        # Add, since a plus sign would lose the mask that the pool needs.
        x = Positions()(L.Embedding(WORDS, 32, mask_zero=True)(words))
        x = L.LayerNormalization(epsilon=1e-5)(L.Add()([x, L.MultiHeadAttention(2, 16)(x, x)]))
        wide = L.Dense(64, activation="relu")(x)
        x = L.LayerNormalization(epsilon=1e-5)(L.Add()([x, L.Dense(32)(wide)]))
        x = L.GlobalAveragePooling1D()(x)
    return keras.Model(words, ending(x))


def keras_run(network, folder, jit, epochs, seeds):
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    x, x_test, y, y_test = data(network, folder)
    figures = {"accuracy": [], "f1": [], "seconds": []}
    for seed in range(seeds):
        keras.utils.set_random_seed(seed)
        model = keras_network(network, int(y.max()) + 1)
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=jit)
        seconds = []

        class Clock(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.start = time.perf_counter()

            def on_epoch_end(self, epoch, logs=None):
                seconds.append(time.perf_counter() - self.start)

        model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[Clock()])
        accuracy, f1 = scores(y_test, model.predict(x_test, verbose=0).argmax(-1))
        figures["accuracy"].append(accuracy)
        figures["f1"].append(f1)
        figures["seconds"] += seconds[1:]
    return figures


def torch_network(network, classes):
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            size = 32 if network == "transformer" else 64
            if network != "dense":
                self.table = nn.Embedding(WORDS, size)
                nn.init.uniform_(self.table.weight, -0.05, 0.05)
            if network == "dense":
                self.inner, size = nn.Linear(WORDS, 64), 64
            elif network == "conv":
                self.inner = nn.Conv1d(64, 64, 5)
            elif network == "lstm":
                self.inner = nn.LSTM(64, 32, batch_first=True, bidirectional=True)
            else:
                self.places = nn.Parameter(torch.empty(LENGTH, 32))
                nn.init.xavier_uniform_(self.places)
                self.inner = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.0, batch_first=True)
            self.ending = nn.Linear(size, classes)

        def forward(self, words):
            if network == "dense":
                return self.ending(torch.relu(self.inner(words)))
            x = self.table(words)
            if network == "conv":
                x = torch.relu(self.inner(x.transpose(1, 2))).amax(-1)
            elif network == "lstm":
                lengths = (words != 0).sum(-1).clamp(min=1)
                x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
                _, (h, _) = self.inner(x)
                x = torch.cat([h[0], h[1]], -1)
            else:
                counted = (words != 0).float()[..., None]
                x = self.inner(x + self.places, src_key_padding_mask=words == 0)
                x = (x * counted).sum(1) / counted.sum(1).clamp(min=1)
            return self.ending(x)

    return Network()


def torch_run(network, folder, epochs, seeds):
    import torch

    torch.set_num_threads(THREADS)
    x, x_test, y, y_test = map(torch.from_numpy, data(network, folder))
    figures = {"accuracy": [], "f1": [], "seconds": []}
    for seed in range(seeds):
        torch.manual_seed(seed)
        model = torch_network(network, int(y.max()) + 1)
        optimizer = torch.optim.Adam(model.parameters(), eps=1e-7, fused=True)
        for epoch in range(epochs):
            start = time.perf_counter()
            order = torch.randperm(len(x))
            for rows in order.split(BATCH):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()
            if epoch > 0:
                figures["seconds"].append(time.perf_counter() - start)
        with torch.no_grad():
            predicted = torch.cat([model(rows).argmax(-1) for rows in x_test.split(BATCH)])
        accuracy, f1 = scores(y_test.numpy(), predicted.numpy())
        figures["accuracy"].append(accuracy)
        figures["f1"].append(f1)
    return figures


def main():
    program, network, folder, *options = sys.argv[1:]
    number = lambda name, default: int(options[options.index(name) + 1]) if name in options else default
    epochs, seeds = number("--epochs", 4), number("--seeds", 3)
    if program.startswith("keras"):
        figures = keras_run(network, folder, program == "keras_jit", epochs, seeds)
    else:
        figures = torch_run(network, folder, epochs, seeds)
    print(json.dumps(figures))


main()
