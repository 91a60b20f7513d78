# The twin in Keras of table.rs.

# %%
import keras, numpy as np
keras.utils.set_random_seed(1)

# %%
x = np.random.rand(600, 3).astype("float32")
law = np.array([3.0, -2.0, 0.5], dtype="float32")
y = x @ law + 1.0 + np.random.randn(600).astype("float32") * 0.05

# %%
model = keras.Sequential()
model.add(keras.layers.Input((3,)))
model.add(keras.layers.Dense(32, activation="relu"))
model.add(keras.layers.Dense(1))
model.compile(keras.optimizers.Adam(0.01), "mse", ["mae", "r2_score"])
model.summary()

# %%
history = model.fit(x, y, epochs=30, validation_split=0.2, verbose=0)
plot_history(history)

# %%
scores = model.evaluate(x, y, return_dict=True)
print(f"R2 {scores['r2_score']:.3f}")
