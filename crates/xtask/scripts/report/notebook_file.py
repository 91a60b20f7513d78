"""A notebook's file, read into what the report can rely on, whatever state the file is in.

After `read`, every cell has a type, a source and metadata; every output's texts are strings. What was
otherwise is left out, with a warning that names the cell.
"""
import json
import os
import re

import nbformat

import files
import limits

SURROGATE = re.compile("[\ud800-\udfff]")
# Kinds of data that a report can show.
SHOWN = ("image/png", "image/jpeg", "image/svg+xml", "text/html", "text/markdown", "text/latex", "text/plain")


class Unreadable(Exception):
    """A sentence that names the file and says why it is no notebook."""


class _Damaged(Exception):
    """What is wrong with a part."""


def load(path):
    """The notebook as its file has it, in the fourth format; nothing of its content is checked."""
    name = os.path.basename(path)
    try:
        raw = files.read(path, limits.NOTEBOOK)
    except files.NotReadable as error:
        raise Unreadable(f"{name} {error}") from error
    if not raw.strip():
        raise Unreadable(f"{name} is empty; a notebook that JupyterLab has saved is not")
    try:
        # With or without a byte order mark.
        content = json.loads(raw)
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name} is not UTF-8 (byte {error.start}), as a notebook has to be") from error
    except RecursionError as error:
        raise Unreadable(f"{name} is nested too deeply for a notebook") from error
    except ValueError as error:
        raise Unreadable(f"{name} is not JSON, as a notebook has to be: {error}") from error
    if not isinstance(content, dict):
        raise Unreadable(f"{name} is no notebook: it holds {_kind(content)}, not an object with cells")
    return _fourth_format(content, name)


def _fourth_format(content, name):
    given = content.get("nbformat")
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise Unreadable(f"{name} is no notebook: it does not say its format (nbformat)")
    if given > 4:
        raise Unreadable(f"{name} is of notebook format {given}; this program reads formats up to 4")
    if given < 4:
        try:
            content = nbformat.convert(nbformat.from_dict(content), 4)
        except Exception as error:  # The conversion trusts its input and fails in any way.
            raise Unreadable(f"{name} is of format {given} and cannot be converted; save it in JupyterLab") from error
    if not isinstance(content.get("cells"), list):
        raise Unreadable(f"{name} is no notebook: its cells are {_kind(content.get('cells'))}, not a list")
    return content


def repaired(content, warn):
    """A notebook of what is as it should be; `warn(cell, text)` is told of the rest.

    Each cell knows its number, `at`, counted from 1 in the file.
    """
    cells = []
    for at, cell in enumerate(content["cells"], start=1):
        try:
            cells.append(_cell(cell, at, warn))
        except _Damaged as damage:
            warn(at, f"it is left out: {damage}")
    return {"cells": cells, "metadata": _dict(content.get("metadata"))}


def _cell(cell, at, warn):
    if not isinstance(cell, dict):
        raise _Damaged(f"it is {_kind(cell)}, not an object")
    kind = cell.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        raise _Damaged("its type is none of code, markdown and raw")
    found = {"at": at, "cell_type": kind, "source": _text(cell.get("source"), "its source")}
    if kind == "markdown":
        found["attachments"] = _attachments(cell.get("attachments"))
    if kind == "code":
        count = cell.get("execution_count")
        found["execution_count"] = count if type(count) is int and 0 <= count < 1_000_000 else None
        found["outputs"] = _outputs(cell.get("outputs", []), at, warn)
    return found


def _outputs(outputs, at, warn):
    if not isinstance(outputs, list):
        warn(at, f"its outputs are left out: they are {_kind(outputs)}, not a list")
        return []
    found = []
    for number, output in enumerate(outputs, start=1):
        try:
            found.append(_output(output))
        except _Damaged as damage:
            warn(at, f"its output {number} is left out: {damage}")
    return found


def _output(output):
    if not isinstance(output, dict):
        raise _Damaged(f"it is {_kind(output)}, not an object")
    kind = output.get("output_type")
    if kind == "stream":
        return {"output_type": kind, "name": output.get("name"), "text": _text(output.get("text"), "its text")}
    if kind == "error":
        words = {name: _text(output.get(name, ""), f"its {name}") for name in ("ename", "evalue")}
        lines = output.get("traceback", [])
        return {"output_type": kind, **words, "traceback": _text(lines, "its traceback", "\n")}
    if kind not in ("display_data", "execute_result"):
        raise _Damaged("its type is none that notebooks have")
    data = output.get("data")
    if not isinstance(data, dict):
        raise _Damaged(f"its data are {_kind(data)}, not an object")
    shown = {mime: _text(data[mime], f"its {mime}") for mime in SHOWN if mime in data}
    about = {mime: _dict(value) for mime, value in _dict(output.get("metadata")).items()}
    return {"output_type": kind, "data": shown, "metadata": about}


def _attachments(given):
    """Name, kind and base64 of each; what is no text cannot be one."""
    return {
        plain(name): {mime: _joined(data) for mime, data in _dict(forms).items() if _joined(data) is not None}
        for name, forms in _dict(given).items()
    }


def _text(value, what, between=""):
    text = _joined(value, between)
    if text is None:
        raise _Damaged(f"{what} is {_kind(value)}, not text")
    return text


def _joined(value, between=""):
    """A notebook's text is a string or a list of lines."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = between.join(value)
    return plain(value) if isinstance(value, str) else None


def plain(text):
    """Text that can be written: halves of characters, which JSON may hold, become a mark."""
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _dict(value):
    return value if isinstance(value, dict) else {}


def _kind(value):
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
