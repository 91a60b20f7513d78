# The twin in Keras of own_parts.rs.

# %%
import keras, numpy as np
from keras import ops
keras.utils.set_random_seed(1)

# %%
@keras.saving.register_keras_serializable()
class Gate(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def build(self, input_shape):
        shape = (input_shape[-1], 2 * self.units)
        self.kernel = self.add_weight(shape=shape, initializer="he_normal", name="kernel")

    def call(self, x):
        value, gate = ops.split(ops.matmul(x, self.kernel), 2, axis=-1)
        return value * ops.sigmoid(gate)

# %%
@keras.saving.register_keras_serializable()
def quartic(y_true, y_pred):
    return ops.mean((y_true - y_pred) ** 4, axis=-1)

@keras.saving.register_keras_serializable()
def close(y_true, y_pred):
    return ops.mean(ops.cast(ops.abs(y_true - y_pred) < 0.5, "float32"), axis=-1)

@keras.saving.register_keras_serializable()
class Halving(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.02 * 0.5 ** ops.floor(ops.cast(step, "float32") / 200)

    def get_config(self):
        return {}

# %%
x = np.linspace(-1, 1, 600, dtype="float32").reshape(200, 3)
y = (x**2).sum(axis=-1, keepdims=True)
model = keras.Sequential([Gate(16), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(Halving()), quartic, [close])
history = model.fit(x, y, epochs=80, verbose=0)
model.save("own_parts.keras")
print(f"close {model.evaluate(x, y, return_dict=True)['close']:.4f}")
