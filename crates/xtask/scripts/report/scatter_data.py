"""The numbers of a scatter plot that a person can zoom and hover over, checked one by one.

A notebook may come from anybody. What comes out of `checked` is written anew from numbers, colours and
names that are what they should be; else there is nothing, and the plot stays a picture.
"""
import base64
import binascii
import json
import math
import re

import limits
import pictures

COLOR = re.compile("#[0-9a-f]{6}")
POINTS, CLASSES, THUMBNAILS = 50_000, 1_000, 2_000
# A figure's longest side; the largest number of an axis.
SIDE, LARGEST = 8_192, 1e305


class _Wrong(Exception):
    pass


def checked(text):
    """The data as JSON for the page's script, or None."""
    try:
        return json.dumps(_plot(json.loads(text)), separators=(",", ":"))
    except (_Wrong, ValueError, KeyError, TypeError, RecursionError, pictures.NoPicture):
        return None


def _plot(data):
    _true(isinstance(data, dict))
    width, height = _whole(data["width"], 1, SIDE), _whole(data["height"], 1, SIDE)
    left, top, right, bottom = (_number(side, 0, SIDE) for side in _list(data["plot"], 4))
    _true(left < right <= width and top < bottom <= height)
    points = len(_bytes(data["x"], 2 * POINTS)) // 2
    _true(points > 0)
    names = [_name(name) for name in _list(data["names"], None, CLASSES)]
    colors = _colors(data["colors"])
    found = {
        "width": width,
        "height": height,
        "title": _name(data["title"]),
        "x_label": _name(data["x_label"]),
        "y_label": _name(data["y_label"]),
        "plot": [left, top, right, bottom],
        "x_range": _range(data["x_range"]),
        "y_range": _range(data["y_range"]),
        "x": _packed(data["x"], 2 * points),
        "y": _packed(data["y"], 2 * points),
        "names": names,
        "colors": colors,
        "radius": _number(data["radius"], 0.1, 100),
        "alpha": _number(data["alpha"], 0, 1),
        "classes": None,
        "wrong": None,
        "values": None,
        "thumbnails": None,
    }
    if data["classes"] is not None:
        found["classes"] = _classes(data["classes"], points, len(names))
        _true(len(colors) == len(names))
    else:
        _true(len(colors) == 1)
    if data["wrong"] is not None:
        found["wrong"] = _packed(data["wrong"], -(-points // 8))
    if data["values"] is not None:
        values = data["values"]
        _true(len(_colors(values["colors"])) == 256)
        found["values"] = {
            "name": _name(values["name"]),
            "at": _packed(values["at"], 2 * points),
            "range": _range(values["range"]),
            "colors": _colors(values["colors"]),
        }
    if data["thumbnails"] is not None:
        found["thumbnails"] = _thumbnails(data["thumbnails"], points)
    return found


def _thumbnails(given, points):
    """One picture with an image for every so manyth point."""
    picture = pictures.embedded(_text(given["picture"]))
    _true(picture.mime == "image/png")
    width, height = _whole(given["width"], 1, 64), _whole(given["height"], 1, 64)
    columns, every = _whole(given["columns"], 1, THUMBNAILS), _whole(given["every"], 1, points)
    images = -(-points // every)
    _true(images <= THUMBNAILS)
    _true(pictures.png_size(picture.data) == (columns * width, -(-images // columns) * height))
    return {"picture": picture.address, "width": width, "height": height, "columns": columns, "every": every}


def _classes(text, points, names):
    wide = 2 if names > 256 else 1
    content = _bytes(text, wide * points)
    _true(len(content) == wide * points)
    numbers = content if wide == 1 else memoryview(content).cast("H")
    _true(max(numbers) < names)
    return base64.b64encode(content).decode()


def _true(truth):
    if not truth:
        raise _Wrong


def _text(value):
    _true(isinstance(value, str))
    return value


def _name(value):
    return limits.shortened(_text(value), limits.TITLE)


def _list(value, length, most=None):
    _true(isinstance(value, list) and (len(value) == length if length else len(value) <= most))
    return value


def _number(value, low, high):
    _true(type(value) in (int, float) and math.isfinite(value) and low <= value <= high)
    return value


def _whole(value, low, high):
    _true(type(value) is int and low <= value <= high)
    return value


def _range(value):
    low, high = (_number(end, -LARGEST, LARGEST) for end in _list(value, 2))
    _true(low < high)
    return [low, high]


def _colors(value):
    colors = _list(value, None, CLASSES)
    _true(all(COLOR.fullmatch(_text(color)) for color in colors))
    return colors


def _bytes(text, most):
    _true(len(_text(text)) <= 4 * (most // 3 + 1))
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise _Wrong from error


def _packed(text, length):
    content = _bytes(text, length)
    _true(len(content) == length)
    return base64.b64encode(content).decode()
