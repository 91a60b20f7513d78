"""What a report is made of: an executed notebook, read once, in the same order for every format."""
import base64
import re
import struct
from dataclasses import dataclass, field

from bs4 import BeautifulSoup, NavigableString

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
HEADING = re.compile(r"^(#{1,6}) +(.*?)(?: +#+)?$", re.M)
# What is left out between brackets when a statement is shown by its first line.
CLOSING = {"(": "…)", "[": "…]", "{": "…}"}
PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg"}


@dataclass
class Piece:
    """Consecutive lines of printed text. A folded piece names what it hides."""

    lines: list
    folded: str = ""


@dataclass
class Text:
    """Printed text. `kind` is "stream", "result" or "error"."""

    pieces: list
    kind: str = "stream"


@dataclass
class Table:
    """A table of HTML, cleaned; numbered where it has a title."""

    soup: object
    number: int | None = None
    title: str = ""


@dataclass
class Figure:
    """A picture with its number, its caption and a description for those who cannot see it."""

    mime: str
    data: bytes
    number: int = 0
    caption: str = ""
    alt: str = ""
    width: int | None = None
    height: int | None = None

    @property
    def suffix(self):
        return PICTURES[self.mime]


@dataclass
class Markup:
    """Other HTML that a value shows itself as, cleaned."""

    soup: object


@dataclass
class Prose:
    """A Markdown cell, with the pictures that are attached to it."""

    source: str
    attachments: dict = field(default_factory=dict)


@dataclass
class Cell:
    """A code cell and what it showed."""

    source: str
    number: int | None
    outputs: list

    @property
    def summary(self):
        """What the cell does, in a line: (words, "") from its first comment, else ("", code)."""
        lines = [line.strip() for line in self.source.splitlines() if line.strip()]
        if lines[0].startswith("//"):
            return lines[0].lstrip("/! ").rstrip("."), ""
        # What nearly every experiment begins with says nothing about it.
        lines = [line for line in lines if line != "clear_session();"] or lines
        first = lines[0] + CLOSING.get(lines[0][-1], "")
        last = lines[-1] if len(lines) > 1 and re.search(r"\w", lines[-1]) else ""
        return "", f"{first} … {last}".strip(" …") if last else first

    @property
    def lines(self):
        return len(self.source.strip().splitlines())


@dataclass
class Document:
    title: str
    authors: list
    facts: list
    parts: list
    language: str


def read(notebook, facts):
    """The document in a notebook node; `facts` are pairs for the head of the report."""
    reader = _Reader()
    title, parts = None, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            source = cell.source
            if title is None:
                title, source = _take_title(source)
            reader.note_headings(source)
            if source.strip():
                parts.append(Prose(source, cell.get("attachments", {})))
        elif cell.cell_type == "code" and cell.source.strip():
            outputs = [block for output in cell.outputs for block in reader.output(output)]
            parts.append(Cell(cell.source.strip("\n"), cell.execution_count, outputs))
    meta = notebook.metadata
    return Document(
        title=meta.get("title") or title or "Notebook",
        authors=_authors(meta),
        facts=facts,
        parts=parts,
        language=meta.get("language", "en"),
    )


def _take_title(source):
    blank = FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), source)
    found = re.search(r"^# (.*)\n?", blank, re.M)
    if not found:
        return None, source
    return found.group(1).strip(), source[: found.start()] + source[found.end() :]


def _authors(meta):
    """`authors` as Jupyter writes them, [{"name": ...}], or a plain `author`."""
    given = meta.get("authors") or meta.get("author") or []
    given = [given] if isinstance(given, (str, dict)) else given
    return [a.get("name", "") if isinstance(a, dict) else str(a) for a in given]


def headings(source):
    """Level and text of a Markdown cell's headings, code blocks left out."""
    return [(len(marks), text) for marks, text in HEADING.findall(FENCE.sub("", source))]


class _Reader:
    """Counts figures and tables and knows the heading above."""

    def __init__(self):
        self.heading = ""
        self.figures = 0
        self.tables = 0

    def note_headings(self, source):
        for level, text in headings(source):
            if level >= 2:
                self.heading = re.sub(r"^[\d.]+\s+", "", text)

    def output(self, output):
        kind = output.output_type
        if kind == "stream":
            text = overwritten(ANSI.sub("", output.text)).rstrip("\n")
            return [Text(condense(text), "stream" if output.name == "stdout" else "error")] if text else []
        if kind == "error":
            text = ANSI.sub("", "\n".join(output.traceback) or f"{output.ename}: {output.evalue}")
            return [Text([Piece(text.splitlines())], "error")]
        data = output.get("data", {})
        for mime in PICTURES:
            if mime in data:
                return [self._picture(mime, data, output.get("metadata", {}))]
        if "text/html" in data:
            return self._html(data["text/html"])
        for mime in ("text/markdown", "text/latex", "text/plain"):
            if data.get(mime, "").strip():
                return [_result(data[mime])]
        return []

    def _picture(self, mime, data, metadata):
        content = data[mime]
        raw = content.encode() if mime == "image/svg+xml" else base64.b64decode(content)
        about = metadata.get(mime, {})
        alt, width = about.get("alt"), about.get("width")
        if alt is None:
            shown = BeautifulSoup(data.get("text/html", ""), "html.parser").find("img")
            plain = re.match(r"\[figure: (.*)\]\s*$", data.get("text/plain", ""), re.S)
            alt = shown.get("alt") if shown else plain.group(1) if plain else None
            width = shown.get("width") if shown else width
        return self._figure(mime, raw, alt, width)

    def _figure(self, mime, raw, alt, width):
        self.figures += 1
        alt = (alt or "").strip() or f"Figure under “{self.heading}”, without a description"
        width, height = _shown_size(mime, raw, width)
        return Figure(mime, raw, self.figures, caption(alt, self.heading), alt, width, height)

    def _html(self, source):
        soup = BeautifulSoup(source, "html.parser")
        make_safe(soup)
        return list(self._blocks(soup))

    def _blocks(self, node):
        """Figures, tables and texts of some HTML, in order, whatever they are wrapped in."""
        rest = BeautifulSoup("", "html.parser")

        def flush():
            nonlocal rest
            full, rest = rest, BeautifulSoup("", "html.parser")
            return [Markup(full)] if full.get_text(strip=True) else []

        for child in list(node.children):
            if isinstance(child, NavigableString):
                rest.append(child.extract())
            elif child.name == "img":
                yield from flush()
                yield from self._embedded(child)
            elif child.name == "table":
                yield from flush()
                yield self._table(child)
            elif child.name == "pre":
                yield from flush()
                yield _result(child.get_text())
            elif child.find(["img", "table", "pre"]):
                yield from flush()
                yield from self._blocks(child)
            else:
                rest.append(child.extract())
        yield from flush()

    def _embedded(self, image):
        found = re.match(r"data:([^;,]+);base64,(.*)", image.get("src", ""), re.S)
        if found and found.group(1) in PICTURES:
            raw = base64.b64decode(found.group(2))
            yield self._figure(found.group(1), raw, image.get("alt"), image.get("width"))

    def _table(self, table):
        caption = table.find("caption")
        title = caption.get_text(" ", strip=True).rstrip(".") if caption else ""
        number = None
        if caption:
            caption.extract()
        # "5 rows x 513 columns" says how much is left out and is no title.
        if title and not re.match(r"\d+ rows", title):
            self.tables += 1
            number = self.tables
        return Table(table.extract(), number, title)


def _result(text):
    return Text([Piece(text.strip("\n").splitlines())], "result")


def _shown_size(mime, raw, width):
    """Width and height in CSS pixels; a figure's picture has more pixels than it is shown with."""
    width = int(width) if width else None
    if mime != "image/png" or raw[:8] != b"\x89PNG\r\n\x1a\n":
        return width, None
    real, tall = struct.unpack(">II", raw[16:24])
    width = width or real
    return width, round(tall * width / real)


def caption(alt, heading):
    """A figure's caption: what its description says it is, and under which heading.

    A description begins with what is shown, its title in quotes, and goes into detail after a
    colon; one that describes several charts has such a sentence for each.
    """
    # Colons and full stops in a title end nothing.
    titles = []
    plain = re.sub(r"“[^”]*”", lambda found: titles.append(found.group()) or "\0", alt)
    heads = [re.split(r":\s|\.\s", s)[0].rstrip(".") for s in re.split(r"(?<=[.!?])\s+(?=[A-Z])", plain)]
    kept = heads[:1] + [head[:1].lower() + head[1:] for head in heads[1:] if "\0" in head]
    text = re.sub("\0", lambda _: titles.pop(0), _joined(kept)) + "."
    topic = heading.split(":")[0]
    if not heading or re.search(rf"{re.escape(topic)}\b", text):
        return text
    return f"{heading} {text}" if heading[-1] in "?!" else f"{heading}. {text}"


def _joined(heads):
    """Several charts of one kind are named once."""
    parts = [re.fullmatch(r"([^\0]*) \0(.*)", head) for head in heads]
    alike = all(parts) and len({(part[1].lower(), part[2]) for part in parts}) == 1
    if len(heads) < 2 or not alike:
        return "; ".join(heads)
    titles = ", ".join(["\0"] * (len(heads) - 1)) + " and \0"
    return f"{parts[0][1]}s {titles}{parts[0][2]}"


def make_safe(soup):
    """Takes out whatever would run or be fetched."""
    for element in soup.find_all(["script", "iframe", "object", "embed", "link", "style", "form", "base", "meta"]):
        element.decompose()
    for element in soup.find_all(True):
        for name in list(element.attrs):
            value = str(element[name]).strip().lower()
            fetched = name in ("src", "srcset", "poster", "background") and not value.startswith("data:image/")
            if name.startswith("on") or value.startswith("javascript:") or fetched or "url(" in value and name == "style":
                del element[name]


def overwritten(text):
    """Text as a terminal shows it in the end: after a carriage return a line is written anew."""
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))


EPOCH = re.compile(r"^Epoch (\d+)/(\d+)\b(.*)$")
BAR = re.compile(r"^\s*\d+/\d+ \[[=>.]*\] - (.*)$")
# So many epochs are shown at the beginning and at the end of a training, so many lines of other text.
FIRST_EPOCHS, LAST_EPOCHS = 2, 2
FIRST_LINES, LAST_LINES = 8, 5


def condense(text):
    """Pieces of printed text in which the middle of a long training or listing is folded."""
    pieces = []
    for is_epoch, group in _runs(_epochs(text.split("\n"))):
        first, last = (FIRST_EPOCHS, LAST_EPOCHS) if is_epoch else (FIRST_LINES, LAST_LINES)
        hidden = len(group) - first - last
        # Folding two or three away saves nothing.
        if hidden < 4:
            pieces.append(Piece([line for entry in group for line in entry]))
            continue
        word = "epochs" if is_epoch else "lines"
        for entries, label in (
            (group[:first], ""),
            (group[first:-last], f"{hidden} more {word}"),
            (group[-last:], ""),
        ):
            pieces.append(Piece([line for entry in entries for line in entry], label))
    return pieces


def _epochs(lines):
    """Entries (is an epoch, lines): an epoch's heading, its finished bar and what a callback said are one."""
    entries, at = [], 0
    while at < len(lines):
        found = EPOCH.match(lines[at])
        if not found:
            entries.append((False, [lines[at]]))
            at += 1
            continue
        number, total, rest = found.groups()
        entry, at = [lines[at]], at + 1
        bar = BAR.match(lines[at]) if at < len(lines) and not rest.strip() else None
        if bar:
            entry, at = [f"Epoch {number:>{len(total)}}/{total}  {bar.group(1)}"], at + 1
        while at < len(lines) and lines[at].startswith(f"Epoch {int(number)}: "):
            entry.append(lines[at])
            at += 1
        entries.append((True, entry))
    return entries


def _runs(entries):
    runs = []
    for is_epoch, lines in entries:
        if runs and runs[-1][0] == is_epoch:
            runs[-1][1].append(lines)
        else:
            runs.append((is_epoch, [lines]))
    return runs


def facts_in(notebook):
    """What the outputs say about a run of which nothing else was kept: the session's own table, the data."""
    facts = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            source = output.get("data", {}).get("text/html", "")
            table = BeautifulSoup(source, "html.parser").find("table") if "<table" in source else None
            if table is None:
                continue
            rows = [[c.get_text(" ", strip=True) for c in row.find_all(["th", "td"])] for row in table.find_all("tr")]
            if {"Scale", "Device", "Seed"} <= {row[0] for row in rows if row}:
                facts.update({row[0]: row[1] for row in rows if len(row) == 2})
            elif table.caption and rows and rows[0][1:] == ["images", "labels", "kind"]:
                facts["Data"] = table.caption.get_text(" ", strip=True)
    return facts
