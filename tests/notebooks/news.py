# The twin in Keras of news.rs.

# %%
import keras, numpy as np, pandas as pd
from keras import layers
from sklearn.metrics import confusion_matrix, ConfusionMatrixDisplay
keras.utils.set_random_seed(0)

# %%
train, test = pd.read_csv("news_train.csv"), pd.read_csv("news_test.csv")
names = sorted(train["topic"].unique())
y = train["topic"].map(names.index).to_numpy()
y_test = test["topic"].map(names.index).to_numpy()

# %%
vectorize = layers.TextVectorization(max_tokens=1000, output_sequence_length=40)
vectorize.adapt(train["text"])
x, x_test = vectorize(train["text"]), vectorize(test["text"])

# %%
model = keras.Sequential()
model.add(keras.Input((40,)))
model.add(layers.Embedding(1000, 16, mask_zero=True))
model.add(layers.Bidirectional(layers.LSTM(16)))
model.add(layers.Dense(len(names), activation="softmax"))
model.summary()

# %%
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=8, validation_split=0.1, verbose=2)
plot_history(history)

# %%
print(f"accuracy {model.evaluate(x_test, y_test, return_dict=True)['accuracy']:.3f}")
predicted = model.predict(x_test).argmax(axis=-1)
matrix = confusion_matrix(y_test, predicted)
ConfusionMatrixDisplay(matrix, display_labels=names).plot()
