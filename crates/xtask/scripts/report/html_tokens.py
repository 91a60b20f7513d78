"""HTML taken apart into tags and text, as the HTML standard's tokeniser does it.

The standard library's parser takes quadratic time for damaged HTML (until Python 3.13.6), and what
it hands on as a comment can end earlier in a browser. Here every character is looked at a few times
at most, and comments, CDATA, declarations and processing instructions are not handed on at all.
"""
import html
import re
from dataclasses import dataclass, field

TAG = re.compile(r"</?([A-Za-z][^\t\n\f\r />]*)")
GAP = re.compile(r"[\t\n\f\r /]*")
NAME = re.compile(r"[^\t\n\f\r />][^\t\n\f\r />=]*")
EQUALS = re.compile(r"[\t\n\f\r ]*=[\t\n\f\r ]*")
UNQUOTED = re.compile(r"[^\t\n\f\r >]*")
COMMENT_END = re.compile(r"--!?>")
# Control characters other than tab and line end have no place in HTML.
CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])
# What these hold is text up to their end tag, whatever it looks like.
RAW = ("iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp")
RAW_END = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.I) for name in RAW}


@dataclass
class Start:
    name: str
    attributes: dict = field(default_factory=dict)
    closed: bool = False


@dataclass
class End:
    name: str


def tokens(source):
    """The start tags, end tags and texts (plain strings, unescaped) of some HTML."""
    at = 0
    while at < len(source):
        mark = source.find("<", at)
        mark = len(source) if mark < 0 else mark
        if mark > at:
            yield unescaped(source[at:mark])
        if mark == len(source):
            return
        token, at = read(source, mark)
        if token is not None:
            yield token
        if isinstance(token, Start) and token.name in RAW:
            found = RAW_END[token.name].search(source, at)
            at = found.start() if found else len(source)


def read(source, mark):
    """What begins with the "<" at `mark`, and where it ends.

    None for what is not shown; what does not end reaches to the end of the source, as the standard says.
    """
    found = TAG.match(source, mark)
    if found:
        name = found.group(1).lower()
        attributes, end = _attributes(source, found.end())
        if end is None:
            return None, len(source)
        return End(name) if source[mark + 1] == "/" else Start(name, attributes, source[end - 2] == "/"), end
    if source.startswith("<!--", mark):
        return None, _comment_end(source, mark + 4)
    if source.startswith(("<!", "<?", "</"), mark):
        close = source.find(">", mark + 2)
        return None, len(source) if close < 0 else close + 1
    return "<", mark + 1


def _comment_end(source, at):
    if source.startswith(">", at):
        return at + 1
    if source.startswith("->", at):
        return at + 2
    found = COMMENT_END.search(source, at)
    return found.end() if found else len(source)


def _attributes(source, at):
    """Attributes and the place behind the tag; no place where the tag does not end."""
    attributes = {}
    while True:
        at = GAP.match(source, at).end()
        if at == len(source):
            return attributes, None
        if source[at] == ">":
            return attributes, at + 1
        name = NAME.match(source, at)
        value, at = _value(source, name.end())
        if at is None:
            return attributes, None
        attributes.setdefault(name.group().lower(), value)


def _value(source, at):
    equals = EQUALS.match(source, at)
    if not equals:
        return "", at
    at = equals.end()
    quote = source[at : at + 1]
    if quote not in ('"', "'"):
        found = UNQUOTED.match(source, at)
        return unescaped(found.group()), found.end()
    close = source.find(quote, at + 1)
    return (unescaped(source[at + 1 : close]), close + 1) if close >= 0 else ("", None)


def unescaped(text):
    """Text with its entities resolved, without control characters."""
    try:
        text = html.unescape(text)
    except ValueError:
        # A number of thousands of digits; Python reads no such number.
        pass
    return text.translate(CONTROL)
