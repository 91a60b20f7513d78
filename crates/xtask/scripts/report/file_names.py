"""Names for files, made from names that a notebook gives: harmless, and each one only once."""
import re
import unicodedata

# In bytes; file systems allow 255.
LONGEST, LONGEST_SUFFIX = 80, 8


def harmless(name, otherwise="file"):
    """A file's name of letters, digits, "-", "_", "." and spaces, without any folder."""
    last = re.split(r"[/\\]", name[-1000:])[-1]
    plain = "".join(c if unicodedata.category(c)[0] in "LMN" or c in "-_. " else "-" for c in last)
    # Neither hidden nor "..", nor with a space that nobody sees.
    stem, dot, suffix = plain.strip(" .-").rpartition(".")
    if not dot or len(suffix.encode()) > LONGEST_SUFFIX:
        stem, suffix = stem + dot + suffix, ""
    stem = stem.encode()[:LONGEST].decode("utf-8", "ignore").strip(" .-") or otherwise
    return f"{stem}.{suffix}" if suffix else stem


class Names:
    """The names that are taken in a folder, also by file systems that take A for a."""

    def __init__(self):
        self.taken = set()
        self.counts = {}

    def unique(self, name):
        """The name, or with a number where it is taken."""
        stem, dot, suffix = name.rpartition(".")
        stem, suffix = (stem, dot + suffix) if stem else (name, "")
        candidate = name
        while candidate.casefold() in self.taken:
            count = self.counts.get(name.casefold(), 1) + 1
            self.counts[name.casefold()] = count
            candidate = f"{stem}-{count}{suffix}"
        self.taken.add(candidate.casefold())
        return candidate
