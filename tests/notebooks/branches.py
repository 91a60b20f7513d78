# The twin in Keras of branches.rs.

# %%
import keras, numpy as np
from keras.layers import Add, Concatenate, Dense, Input
keras.utils.set_random_seed(3)

# %%
size = np.random.rand(500, 3).astype("float32")
place = np.random.rand(500, 2).astype("float32")
price = size.sum(axis=-1) + place[:, 0]
sold = (price < 2.0).astype("float32")

# %%
inputs = [Input((3,), name="size"), Input((2,), name="place")]
joined = Concatenate()(inputs)
hidden = Dense(16, activation="relu")(joined)
deeper = Dense(16, activation="relu")(hidden)
skipped = Add()([hidden, deeper])
outputs = [
    Dense(1, name="price")(skipped),
    Dense(1, activation="sigmoid", name="sold")(skipped),
]
model = keras.Model(inputs, outputs)
model.summary()

# %%
keras.utils.plot_model(model, show_shapes=True)

# %%
model.compile(keras.optimizers.Adam(0.01), ["mse", "binary_crossentropy"],
              loss_weights=[1.0, 0.5], metrics={"sold": ["accuracy"]})
history = model.fit([size, place], [price, sold], epochs=20, verbose=0)
plot_history(history)

# %%
scores = model.evaluate([size, place], [price, sold], return_dict=True)
print(f"price {scores['price_loss']:.3f}, sold {scores['sold_accuracy']:.3f}")
