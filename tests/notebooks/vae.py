# The twin in Keras of vae.rs.

# %%
import keras, numpy as np, tensorflow as tf
from keras import layers, ops
keras.utils.set_random_seed(0)

# %%
(x, labels), _ = keras.datasets.mnist.load_data()
x = x[..., None].astype("float32") / 255

# %%
inputs = keras.Input((28, 28, 1))
hidden = layers.Dense(128, activation="relu")(layers.Flatten()(inputs))
mean = layers.Dense(2, name="mean")(hidden)
log_variance = layers.Dense(2, name="log_variance")(hidden)
encoder = keras.Model(inputs, [mean, log_variance], name="encoder")
decoder = keras.Sequential(name="decoder")
decoder.add(keras.Input((2,)))
decoder.add(layers.Dense(128, activation="relu"))
decoder.add(layers.Dense(784, activation="sigmoid"))
decoder.add(layers.Reshape((28, 28, 1)))

# %%
class VAE(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.kl_tracker = keras.metrics.Mean(name="kl")

    def train_step(self, x):
        with tf.GradientTape() as tape:
            mean, log_variance = encoder(x, training=True)
            z = mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean))
            drawn = decoder(z, training=True)
            reconstruction = ops.mean(keras.losses.binary_crossentropy(x, drawn)) * 784
            kl = -0.5 * ops.mean(ops.sum(1 + log_variance - mean**2 - ops.exp(log_variance), axis=-1))
            loss = reconstruction + kl
        weights = encoder.trainable_weights + decoder.trainable_weights
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        self.loss_tracker.update_state(loss)
        self.kl_tracker.update_state(kl)
        return {"loss": self.loss_tracker.result(), "kl": self.kl_tracker.result()}

vae = VAE()
vae.compile(keras.optimizers.Adam(0.002))
history = vae.fit(x, epochs=8, batch_size=64, verbose=2)

# %%
codes = encoder.predict(x)[0]
scatter(codes, labels, title="Codes of the digits")

# %%
steps = np.linspace(-1.5, 1.5, 10)
plane = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
show_images(decoder.predict(plane), columns=10)
