# The twin in Keras of yes_no.rs.

# %%
import keras, numpy as np
from sklearn.metrics import confusion_matrix
keras.utils.set_random_seed(2)

# %%
x = np.random.randn(1000, 2).astype("float32")
y = (x.sum(axis=-1) > 1.5).astype("int64")

# %%
model = keras.Sequential()
model.add(keras.layers.Input((2,)))
model.add(keras.layers.Dense(16, activation="relu"))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile("adam", "binary_crossentropy", ["accuracy", keras.metrics.AUC(), keras.metrics.Recall()])

# %%
stop = keras.callbacks.EarlyStopping(monitor="val_auc", mode="max", patience=5)
history = model.fit(x, y, epochs=40, validation_split=0.25, callbacks=[stop], verbose=0,
                    class_weight={0: 1.0, 1: 5.0})
plot_history(history)

# %%
scores = model.evaluate(x, y, return_dict=True)
print(f"AUC {scores['auc']:.3f}, recall {scores['recall']:.3f}")

# %%
confusion_matrix(y, model.predict(x)[:, 0] > 0.5)
