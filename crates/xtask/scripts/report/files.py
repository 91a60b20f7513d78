"""Files: only regular ones of a sane size are read, and what is written goes nowhere else.

A notebook's folder may hold anything: pipes that never end, links that lead elsewhere.
"""
import os
import shutil
import stat
import tempfile


class NotReadable(Exception):
    """Says why a file is not read."""


def read(path, limit):
    """The bytes of a regular file of at most `limit` bytes."""
    try:
        # Opening a pipe would wait for somebody to write to it.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise NotReadable("is not a regular file")
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise NotReadable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > limit:
        raise NotReadable(f"is larger than {limit // 1_000_000} MB")
    return data


def write(path, data):
    """Writes beside the place and renames; a link at the place is replaced, not followed."""
    descriptor, beside = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".report-")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o666 & ~_mask())
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def new_folder(beside):
    """An empty folder, in the folder of `beside`, to be put in place later."""
    folder = tempfile.mkdtemp(dir=os.path.dirname(beside) or ".", prefix=".report-")
    os.chmod(folder, 0o777 & ~_mask())
    return folder


def replace_folder(fresh, target):
    """Puts a new folder in the place of an old one."""
    if os.path.islink(target) or os.path.isfile(target):
        os.unlink(target)
    elif os.path.isdir(target):
        shutil.rmtree(target)
    os.replace(fresh, target)


def _mask():
    """What the user's new files are not allowed; there is no way to ask without setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
