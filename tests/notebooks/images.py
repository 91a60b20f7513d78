# The twin in Keras of images.rs.

# %%
import keras, matplotlib.pyplot as plt, numpy as np
from sklearn.metrics import ConfusionMatrixDisplay
keras.utils.set_random_seed(3)
(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
x, y, x_test, y_test = x[:2000, ..., None] / 255.0, y[:2000], x_test[:500, ..., None] / 255.0, y_test[:500]

# %%
for place, image in enumerate(np.random.permutation(len(x))[:10]):
    plt.subplot(2, 5, place + 1, title=y[image])
    plt.imshow(x[image], cmap="gray")
    plt.axis("off")

# %%
model = keras.Sequential()
model.add(keras.layers.Input((28, 28, 1)))
model.add(keras.layers.Conv2D(16, (3, 3), activation="relu"))
model.add(keras.layers.MaxPooling2D((2, 2)))
model.add(keras.layers.Conv2D(32, (3, 3), activation="relu"))
model.add(keras.layers.MaxPooling2D((2, 2)))
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
model.summary()

# %%
history = model.fit(x, y, epochs=6, batch_size=64, validation_split=0.1)
plot_history(history)

# %%
print(f"accuracy {model.evaluate(x_test, y_test, return_dict=True)['accuracy']:.3f}")
predicted = model.predict(x_test).argmax(axis=-1)
ConfusionMatrixDisplay.from_predictions(y_test, predicted)

# %%
losses = keras.losses.sparse_categorical_crossentropy(y_test, model.predict(x_test))
for place, image in enumerate(np.argsort(losses)[::-1][:12]):
    plt.subplot(2, 6, place + 1, title=f"{predicted[image]}, not {y_test[image]}")
    plt.imshow(x_test[image], cmap="gray")
    plt.axis("off")
