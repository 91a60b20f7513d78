"""The networks of the course's notebooks in Keras, with the same seeds, to compare figures with.

    course.py mnist|diamonds|news|photographs FOLDER [PART ...]

FOLDER holds the files that the notebook read (for photographs: CIFAR-10's binary version). Prints one line
for each network: its figure for every seed, their mean, and the seconds of a training. Parts choose
some of them. Needs keras with a backend, numpy, pandas and scikit-learn.
"""
import gzip
import os
import sys
import time

import keras
import numpy as np
from keras import layers as L

SEEDS = range(3)


def tell(name, train, scale=100.0):
    """Trains with each seed; `train` gives the figure."""
    figures, start = [], time.time()
    for seed in SEEDS:
        keras.utils.set_random_seed(seed)
        figures.append(scale * train())
    spent = (time.time() - start) / len(figures)
    listed = " ".join(f"{figure:.2f}" for figure in figures)
    print(f"{name:32} {np.mean(figures):7.2f} %  ({listed})  {spent:.1f} s", flush=True)


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises over the first fifth of the steps, then falls to nothing."""

    def __init__(self, highest, steps):
        self.highest, self.steps = highest, steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rise, fall = step / (0.2 * self.steps), (self.steps - step) / (0.8 * self.steps)
        return self.highest * keras.ops.maximum(keras.ops.minimum(rise, fall), 0.0)


def classifier(layers, optimizer, x, y, x_test, y_test, epochs, batch_size, **options):
    """A training of a network that ends with probabilities, and its accuracy."""
    def train():
        model = keras.Sequential(layers())
        chosen = optimizer() if callable(optimizer) else optimizer
        model.compile(chosen, "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0, **options)
        return model.evaluate(x_test, y_test, verbose=0)[1]
    return train


def mnist(folder, wanted):
    def read(name, header):
        with gzip.open(os.path.join(folder, name + ".gz")) as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    def images(part):
        pixels = read(part + "-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)
        return pixels.astype("float32") / 255.0, read(part + "-labels-idx1-ubyte", 8).astype("int32")

    (x, y), (x_test, y_test) = images("train"), images("t10k")
    x, y, x_val, y_val = x[5000:], y[5000:], x[:5000], y[:5000]
    flat = lambda images: images.reshape(len(images), -1)

    for nodes in [1, 2, 4, 8, 16, 32, 64, 128]:
        if wanted("nodes"):
            layers = lambda: [L.Dense(nodes, activation="sigmoid"), L.Dense(10, activation="softmax")]
            tell(f"{nodes} nodes, held back", classifier(
                layers, lambda: keras.optimizers.Adam(0.005), flat(x), y, flat(x_val), y_val, 8, 128))
    if wanted("dense"):
        layers = lambda: [L.Dense(128, activation="relu"), L.Dense(10, activation="softmax")]
        tell("dense 128, test", classifier(layers, "adam", flat(x), y, flat(x_test), y_test, 8, 128))
    if not wanted("convolutional"):
        return

    epochs, probabilities = 14, []

    def convolutional():
        one_cycle = OneCycle(0.004, epochs * (len(x) // 128 + 1))
        model = keras.Sequential([L.RandomTranslation(2 / 28, 2 / 28, "constant"), L.RandomRotation(0.03, "constant"),
                                  L.RandomZoom(0.1, fill_mode="constant")])
        for filters in [32, 64, 128]:
            model.add(L.Conv2D(filters, 3, padding="same", use_bias=False))
            model.add(L.MaxPooling2D())
            model.add(L.BatchNormalization(momentum=0.9))
            model.add(L.Activation("relu"))
        for layer in [L.Flatten(), L.Dropout(0.4), L.Dense(10, activation="softmax")]:
            model.add(layer)
        model.compile(keras.optimizers.Adam(one_cycle), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=epochs, batch_size=128, verbose=0)
        probabilities.append(model.predict(x_test, verbose=0))
        return np.mean(probabilities[-1].argmax(-1) == y_test)

    tell("convolutional, test", convolutional)
    print(f"the three together {100 * np.mean(sum(probabilities).argmax(-1) == y_test):.2f} %")


def diamonds(folder, wanted):
    import pandas as pd
    from sklearn.model_selection import train_test_split

    table = pd.read_csv(os.path.join(folder, "diamonds.csv.gz"))
    table = table[(table[["x", "y", "z"]] > 0).all(axis=1)]
    rest, test = train_test_split(table, test_size=0.2, random_state=0)
    # One width is a slip of the pen (58.9 mm). The notebook has that stone among those to learn from; here it
    # would be among those to judge by, and its error counts as much as that of ten thousand others.
    test = test[test.y < 30]
    train, val = train_test_split(rest, test_size=0.1, random_state=1)
    logs, plain, kinds = ["carat", "x", "y", "z"], ["depth", "table"], ["cut", "color", "clarity"]
    standard = lambda values, of: (values - of.mean()) / of.std(ddof=0)
    categories = {kind: sorted(train[kind].unique()) for kind in kinds}

    def numbers(rows):
        of = [standard(np.log(rows[name]), np.log(train[name])) for name in logs]
        return np.stack(of + [standard(rows[name], train[name]) for name in plain], 1).astype("float32")

    def columns(rows):
        of = [rows[kind].to_numpy()[:, None] == np.array(categories[kind]) for kind in kinds]
        return np.concatenate([numbers(rows)] + of, 1).astype("float32")

    percent = lambda truth, found: np.mean(np.abs(truth - found) / truth)
    if wanted("losses"):
        for loss in ["mse", "mae", "mape"]:
            for_loss = {"mse": [], "mae": [], "mape": []}

            def train_for():
                model = keras.Sequential([L.Dense(64, activation="relu"), L.Dense(64, activation="relu"),
                                          L.Dense(1, activation="softplus")])
                model.compile(keras.optimizers.Adam(0.003), loss)
                model.fit(columns(train), train.price / 1000.0, epochs=20, batch_size=256, verbose=0)
                found = model.predict(columns(val), verbose=0).ravel()
                return percent(val.price / 1000.0, found)

            tell(f"trained for {loss}, held back, mape", train_for)
    if not wanted("embeddings"):
        return

    def inputs(rows):
        hundredths = np.clip(np.round(100 * rows.carat.to_numpy()), 0, 300)
        places = [rows[kind].map(categories[kind].index).to_numpy() for kind in kinds]
        return [numbers(rows)] + [place.astype("int32")[:, None] for place in [hundredths] + places]

    log_price = lambda rows: np.log(rows.price.to_numpy())
    mean, deviation = log_price(train).mean(), log_price(train).std()

    def embeddings():
        given = [keras.Input([6])] + [keras.Input([1], dtype="int32") for _ in range(4)]
        sizes = [(301, 4)] + [(len(categories[kind]), 2) for kind in kinds]
        parts = [L.Flatten()(L.Embedding(*size)(place)) for size, place in zip(sizes, given[1:])]
        x = L.Concatenate()([given[0]] + parts)
        for _ in range(2):
            x = L.Dense(128, activation="gelu")(x)
        model = keras.Model(given, L.Dense(1)(x))
        model.compile(keras.optimizers.Adam(OneCycle(0.01, 30 * (len(train) // 512 + 1))), "mae")
        model.fit(inputs(train), (log_price(train) - mean) / deviation, epochs=30, batch_size=512, verbose=0)
        found = np.exp(model.predict(inputs(test), verbose=0).ravel() * deviation + mean)
        return percent(test.price.to_numpy(), found)

    tell("embeddings, test, mape", embeddings)


def news(folder, wanted):
    import pandas as pd
    from sklearn.model_selection import train_test_split

    table = pd.read_csv(os.path.join(folder, "reuters.csv.gz")).fillna("")
    texts = (table.title + "\n" + table.body).to_numpy()
    names, labels = np.unique(table.topic, return_inverse=True)
    texts, tests, y, y_test = train_test_split(texts, labels, test_size=0.2, random_state=0, stratify=labels)
    texts, vals, y, y_val = train_test_split(texts, y, test_size=0.1, random_state=0)

    def vectorized(*parts, **options):
        vectorize = L.TextVectorization(**options)
        vectorize.adapt(texts)
        return [np.asarray(vectorize(part)) for part in parts]

    for size in [200, 1000, 5000, 20_000]:
        if wanted("sets"):
            x, x_val = vectorized(texts, vals, max_tokens=size, output_mode="multi_hot")
            layers = lambda: [L.Dense(64, activation="relu"), L.Dropout(0.5), L.Dense(10, activation="softmax")]
            tell(f"{size} words as a set, held back", classifier(layers, "adam", x, y, x_val, y_val, 6, 64))

    x, x_test = vectorized(texts, tests, max_tokens=5000, output_sequence_length=100)

    class Positions(L.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def build(self, shape):
            self.table = self.add_weight(shape=shape[1:], initializer="glorot_uniform")

        def call(self, x):
            return x + self.table

    class Encoder(L.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True
            self.attention = L.MultiHeadAttention(2, 16)
            self.wide, self.narrow = L.Dense(64, activation="relu"), L.Dense(32)
            self.first, self.second = L.LayerNormalization(epsilon=1e-5), L.LayerNormalization(epsilon=1e-5)

        def call(self, x):
            x = self.first(x + self.attention(x, x))
            return self.second(x + self.narrow(self.wide(x)))

    readers = {
        "average": lambda: [L.GlobalAveragePooling1D()],
        "SimpleRNN": lambda: [L.SimpleRNN(32)],
        "LSTM": lambda: [L.LSTM(32)],
        "GRU": lambda: [L.GRU(32)],
        "Bidirectional": lambda: [L.Bidirectional(L.LSTM(32))],
        "Conv1D": lambda: [L.Conv1D(64, 5, activation="relu"), L.GlobalMaxPooling1D()],
        "transformer": lambda: [Positions(), Encoder(), L.GlobalAveragePooling1D()],
    }
    for name, reader in readers.items():
        if wanted(name):
            layers = lambda: [keras.Input([100]), L.Embedding(5000, 32, mask_zero=name != "Conv1D"), *reader(),
                              L.Dropout(0.3), L.Dense(10, activation="softmax")]
            tell(f"{name}, test", classifier(
                layers, lambda: keras.optimizers.Adam(0.003), x, y, x_test, y_test, 6, 64))


def photographs(folder, wanted):
    rows = [np.fromfile(os.path.join(folder, f"data_batch_{part}.bin"), np.uint8) for part in range(1, 6)]
    rows = np.concatenate(rows).reshape(-1, 3073)
    of = [rows[rows[:, 0] == kind][:250] for kind in [0, 1, 6, 7]]
    x = np.concatenate([kind[:, 1:] for kind in of]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    x, y = x.astype("float32") / 255.0, np.repeat(np.arange(4), 250)
    order = np.random.default_rng(123).permutation(len(x))
    (test, train) = (order[:400], order[400:])
    for remedy in ["as it was", "dropout", "mirrored and moved", "both"]:
        if not wanted(remedy):
            continue

        def layers():
            of = []
            if remedy in ["mirrored and moved", "both"]:
                of += [L.RandomFlip("horizontal"), L.RandomTranslation(3 / 32, 3 / 32, "constant")]
            for filters in [32, 64, 64]:
                of += [L.Conv2D(filters, 3, padding="same", activation="relu"), L.MaxPooling2D()]
            of += [L.Flatten()] + [L.Dropout(0.5)] * (remedy in ["dropout", "both"])
            return of + [L.Dense(64, activation="relu"), L.Dense(4, activation="softmax")]

        tell(remedy, classifier(layers, "adam", x[train], y[train], x[test], y[test], 60, 32))


if __name__ == "__main__":
    notebooks = {"mnist": mnist, "diamonds": diamonds, "news": news, "photographs": photographs}
    if len(sys.argv) < 3 or sys.argv[1] not in notebooks:
        sys.exit(__doc__)
    parts = sys.argv[3:]
    notebooks[sys.argv[1]](sys.argv[2], lambda part: not parts or part in parts)
