"""HTML that a notebook brings, made harmless: an allow-list of elements, attributes and values.

What comes out is written anew from what was understood: tags of the list, attributes with checked
values in quotes, escaped text. Nothing of the source is copied, so that it does not matter where a
browser would read the source differently. No listed element changes how a browser reads the text
after it (as style, svg, template or title do).
"""
import html
import re
from collections import Counter

from bs4 import BeautifulSoup

import scatter_data
from html_tokens import End, Start, tokens
from pictures import NoPicture, embedded

ELEMENTS = set(
    "a abbr b bdi bdo blockquote br caption cite code col colgroup dd del details dfn div dl dt em h1 h2 h3 h4 h5 h6"
    " hr i img input ins kbd li mark ol p pre q rp rt ruby s samp small span strong sub summary sup table tbody td"
    " tfoot th thead tr tt u ul var wbr".split()
)
VOID = {"br", "col", "hr", "img", "input", "wbr"}
# These go with all that they hold; of other elements that are not listed, the content stays.
HIDDEN = set(
    "applet audio button canvas datalist embed frameset iframe math noembed noframes noscript object plaintext script"
    " select style svg template textarea title video xmp".split()
)
# An element that ends where another of its kind begins, as in a table without end tags.
ENDED_BY = {
    "li": {"li"}, "dt": {"dt", "dd"}, "dd": {"dt", "dd"}, "td": {"td", "th"}, "th": {"td", "th"},
    "tr": {"td", "th", "tr"}, "p": {"p"},
}  # fmt: skip
# Deeper elements are left out; browsers have such a limit, too.
DEEPEST = 64


def soup(source, picture=embedded):
    """The cleaned HTML, parsed."""
    return BeautifulSoup(clean(source, picture), "html.parser")


def clean(source, picture=embedded):
    """The harmless part of some HTML, well nested.

    `picture` gives the picture to an image's address, or raises NoPicture.
    """
    cleaner = _Cleaner(picture)
    for token in tokens(source):
        cleaner.take(token)
    return cleaner.finished()


def text_of(source):
    """What is to be read in some HTML."""
    return soup(source).get_text(" ", strip=True)


class _Cleaner:
    def __init__(self, picture):
        self.picture = picture
        self.out = []
        # (name, is shown) of what is open, how many of each name, and how many are shown.
        self.open = []
        self.names = Counter()
        self.depth = 0
        # Name and depth of the element whose content is left out.
        self.hidden, self.hidden_depth = None, 0

    def take(self, token):
        if self.hidden:
            self._skip(token)
        elif isinstance(token, Start):
            self._start(token)
        elif isinstance(token, End):
            self._end(token.name)
        else:
            self.out.append(html.escape(token, quote=False))

    def finished(self):
        while self.open:
            self._close()
        return "".join(self.out)

    def _skip(self, token):
        if isinstance(token, Start) and token.name == self.hidden and not token.closed:
            self.hidden_depth += 1
        elif isinstance(token, End) and token.name == self.hidden:
            self.hidden_depth -= 1
            if self.hidden_depth == 0:
                self.hidden = None

    def _start(self, token):
        if token.name in HIDDEN:
            if not token.closed:
                self.hidden, self.hidden_depth = token.name, 1
            return
        while self.open and self.open[-1][0] in ENDED_BY.get(token.name, ()):
            self._close()
        shown = tag(token, self.picture) if self.depth < DEEPEST else ""
        self.out.append(shown)
        if token.name not in VOID:
            self.open.append((token.name, shown != ""))
            self.names[token.name] += 1
            self.depth += shown != ""

    def _end(self, name):
        while self.names[name]:
            if self._close() == name:
                return

    def _close(self):
        name, shown = self.open.pop()
        self.names[name] -= 1
        if shown:
            self.depth -= 1
            self.out.append(f"</{name}>")
        return name


def tag(token, picture):
    """A start tag of the list with the attributes that it may have, else nothing."""
    if token.name not in ELEMENTS:
        return ""
    attributes = {name: value for name, value in token.attributes.items() if name in CHECKS.get(token.name, CHECKS[""])}
    checked = {name: _checked(token.name, name, value) for name, value in attributes.items()}
    if token.name == "img":
        try:
            checked["src"] = picture(token.attributes.get("src", "")).address
        except NoPicture:
            return html.escape(token.attributes.get("alt", ""), quote=False)
        checked.setdefault("alt", "")
    if token.name == "input":
        if token.attributes.get("type", "").lower() != "checkbox":
            return ""
        checked["disabled"] = ""
    pairs = "".join(f' {name}="{html.escape(value)}"' for name, value in checked.items() if value is not None)
    return f"<{token.name}{pairs}>"


def _checked(element, name, value):
    return CHECKS.get(element, CHECKS[""])[name](value)


def safe_address(value):
    """An address that a reader may follow, or None: on the web, by mail, or in the page itself."""
    # A browser takes no notice of these.
    plain = re.sub(r"[\t\n\r]", "", value).strip("".join(map(chr, range(33))))
    return plain if re.match(r"(?:https?://|mailto:|#)", plain, re.I) else None


def _text(value):
    return value[:4000]


def _names(value):
    return value if len(value) <= 200 and re.fullmatch(r"[\w \t\n-]*", value, re.A) else None


def _identifier(value):
    return value if 0 < len(value) <= 300 and not re.search(r"\s", value) else None


def _number(most):
    return lambda value: value if re.fullmatch(r"[0-9]{1,5}", value) and int(value) <= most else None


def _one_of(*words):
    return lambda value: value.lower() if value.lower() in words else None


COLOR = r"#[0-9a-f]{3,8}|[a-z]{3,20}|rgba?\([0-9., %/]{1,40}\)"
LENGTH = r"-?[0-9]{0,3}(?:\.[0-9]{1,3})?(?:px|em|rem|ex|pt|%)?"
STYLES = {
    "text-align": "left|right|center|justify|start|end",
    "vertical-align": "top|middle|bottom|baseline",
    "white-space": "nowrap|pre|pre-wrap|pre-line|normal",
    "font-weight": "bold|normal|[1-9]00",
    "font-style": "italic|normal",
    "text-decoration": "underline|line-through|none",
    "background": COLOR,
    "background-color": COLOR,
    "color": COLOR,
    "padding": rf"{LENGTH}(?: {LENGTH}){{0,3}}",
    "max-width": r"[0-9]{1,3}(?:\.[0-9]{1,3})?(?:px|em|rem|%)",
}
STYLES = {name: re.compile(pattern) for name, pattern in STYLES.items()}


def _style(value):
    kept = []
    for entry in value[:2000].split(";"):
        name, _, given = entry.partition(":")
        name, given = name.strip().lower(), given.strip()
        if name in STYLES and STYLES[name].fullmatch(given.lower()):
            kept.append(f"{name}:{given}")
    return ";".join(kept) or None


# For every element its attributes, and for every attribute what makes a value harmless (None: left out).
ANYWHERE = {
    "class": _names, "dir": _one_of("ltr", "rtl", "auto"), "id": _identifier, "lang": _names, "style": _style,
    "title": _text,
}  # fmt: skip
CELL = {
    "align": _one_of("left", "right", "center"), "colspan": _number(1000), "rowspan": _number(1000),
    "scope": _one_of("col", "row", "colgroup", "rowgroup"),
}  # fmt: skip
OWN = {
    "a": {"href": safe_address},
    "col": {"span": _number(1000)},
    "colgroup": {"span": _number(1000)},
    "details": {"open": lambda value: ""},
    "img": {
        "alt": _text, "data-labbook-scatter": scatter_data.checked, "height": _number(20000), "width": _number(20000),
    },
    "input": {"checked": lambda value: "", "type": _one_of("checkbox")},
    "li": {"value": _number(99999)},
    "ol": {"start": _number(99999), "type": lambda value: value if value in tuple("1aAiI") else None},
    "td": CELL,
    "th": CELL,
}
CHECKS = {"": ANYWHERE} | {element: ANYWHERE | own for element, own in OWN.items()}
