"""Writes the weights of a file of Keras as safetensors, which labbook's import_weights reads.

    python keras_to_safetensors.py model.keras model.safetensors
    python keras_to_safetensors.py weights.h5 resnet50.safetensors --application ResNet50 [--no-top] [--classes 1000]

The first line is for files of model.save(..); the second for files that hold weights alone (.weights.h5, and those that
keras.applications downloads), for which the network has to be named. Needs keras with a backend, and safetensors. A
model with layers of one's own needs them imported here first.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from safetensors.numpy import save_file


def flattened(layers, before=""):
    """Layers with their full names; those of a model within the model have its name before theirs."""
    for layer in layers:
        name = f"{before}{layer.name}"
        if isinstance(layer, keras.Model):
            yield from flattened(layer.layers, f"{name}/")
        else:
            yield name, layer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--application", help="a network of keras.applications, such as ResNet50")
    parser.add_argument("--no-top", action="store_true", help="the file has no layers that tell classes")
    parser.add_argument("--classes", type=int, default=1000)
    options = parser.parse_args()
    if options.application:
        build = getattr(keras.applications, options.application)
        top = {} if options.no_top else {"classes": options.classes}
        model = build(weights=options.source, include_top=not options.no_top, **top)
    else:
        # Safe mode refuses files with code in them.
        model = keras.models.load_model(options.source, compile=False, safe_mode=True)
    weights = {}
    for full_name, layer in flattened(model.layers):
        for weight in layer.weights:
            name = f"{full_name}/{weight.path.split(layer.name + '/')[-1]}"
            if name in weights:
                parser.error(f"two weights are called {name}: give the layers names that differ")
            weights[name] = weight.numpy()
    save_file(weights, options.target)
    print(f"wrote {len(weights)} weights to {options.target}")


main()
