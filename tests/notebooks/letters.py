# The twin in Keras of letters.rs.

# %%
import keras, numpy as np, pandas as pd
from keras import layers
keras.utils.set_random_seed(0)

# %%
text = "\n".join(pd.read_csv("news_train.csv")["text"])
vocabulary = sorted(set(text))
places = {letter: place for place, letter in enumerate(vocabulary)}
windows = np.lib.stride_tricks.sliding_window_view([places[letter] for letter in text], 65)[::16]
x, y = windows[:, :64], windows[:, 1:]

# %%
model = keras.Sequential()
model.add(keras.Input((64,)))
model.add(layers.Embedding(len(vocabulary), 32))
model.add(layers.GRU(128, return_sequences=True))
model.add(layers.Dense(len(vocabulary), activation="softmax"))
model.summary()

# %%
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
history = model.fit(x, y, epochs=3, batch_size=64, verbose=2)

# %%
written = "The "
random = np.random.default_rng(1)
for _ in range(200):
    seen = np.zeros((1, 64), int)
    tail = [places[letter] for letter in written[-64:]]
    seen[0, : len(tail)] = tail
    logits = np.log(model.predict(seen, verbose=0)[0, len(tail) - 1]) / 0.5
    shares = np.exp(logits - logits.max())
    written += vocabulary[random.choice(len(vocabulary), p=shares / shares.sum())]
print(written)
