"""What a report is made of: an executed notebook, read once, in the same order for every format."""
import re
from dataclasses import dataclass, field

from bs4 import BeautifulSoup, NavigableString

import html_cleaning
import html_tokens
import limits
import pictures
import scatter_data
from limits import shortened
from markdown_text import headings, take_title
from notebook_file import plain

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# What is left out between brackets when a statement is shown by its first line.
CLOSING = {"(": "…)", "[": "…]", "{": "…}"}
# The class of a figure that is drawn, and in which no image is.
CHART = "labbook-chart"
# In the order in which a value's forms are taken.
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")


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

    picture: pictures.Picture
    number: int = 0
    caption: str = ""
    alt: str = ""
    width: int | None = None
    height: int | None = None
    # The numbers of a plot that a person can zoom and hover over, as JSON.
    scatter: str | None = None
    # Whether it is drawn, without images: its colours may be turned on a dark page.
    chart: bool = False


@dataclass
class Markup:
    """Other HTML that a value shows itself as, cleaned."""

    soup: object


@dataclass
class Prose:
    """A Markdown cell, with the pictures that are attached to it."""

    source: str
    attachments: dict = field(default_factory=dict)
    at: int = 0


@dataclass
class Note:
    """A sentence that says what is left out here."""

    text: str


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
            return limits.cut(lines[0].lstrip("/! ").rstrip(".")), ""
        # What nearly every experiment begins with says nothing about it.
        lines = [line for line in lines if line != "clear_session();"] or lines
        lines = [limits.cut(line) for line in (lines[0], lines[-1])[: len(lines)]]
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


def read(notebook, facts, warn):
    """The document in a repaired notebook; `facts` are pairs for the head of the report.

    `warn(cell, text)` is told what cannot be shown.
    """
    reader = _Reader(warn)
    title, parts = None, []
    for at, cell in enumerate(notebook["cells"]):
        if at == limits.CELLS or reader.spent > limits.TEXT_OF_ALL or reader.pictured > limits.PICTURES_OF_ALL:
            parts.append(Note(f"The notebook goes on with {len(notebook['cells']) - at:,} more cells, left out here."))
            break
        source, note = _shown_source(cell["source"])
        reader.spent += len(source)
        if cell["cell_type"] == "markdown":
            if title is None:
                title, source = take_title(source)
            reader.note_headings(source)
            if source.strip():
                parts.append(Prose(source, cell["attachments"], cell["at"]))
        elif cell["cell_type"] == "code" and source.strip():
            parts.append(Cell(source.strip("\n"), cell["execution_count"], note + reader.outputs(cell)))
            continue
        parts += note
    meta = notebook["metadata"]
    return Document(
        title=_line(meta.get("title"), limits.TITLE) or title or "Notebook",
        authors=_authors(meta),
        facts=facts,
        parts=parts,
        language=_language(meta.get("language")),
    )


def _shown_source(source):
    """A cell's source as far as it is shown, and a note in a list if that is not all."""
    hidden = len(source) - limits.SOURCE
    # A picture in its text makes a short cell long.
    if hidden <= 0 or len(source) <= limits.HTML and "data:image/" in source:
        return source, []
    return source[: limits.SOURCE], [Note(f"The cell goes on for {hidden:,} more characters, left out here.")]


def _line(value, most):
    """Text of one line, from metadata that may hold anything."""
    return shortened(plain(value).translate(html_tokens.CONTROL), most) if isinstance(value, str) else ""


def _authors(meta):
    """`authors` as Jupyter writes them, [{"name": ...}], or a plain `author`."""
    given = meta.get("authors") or meta.get("author") or []
    given = given if isinstance(given, list) else [given]
    names = [_line(a.get("name") if isinstance(a, dict) else a, 100) for a in given[:50]]
    return [name for name in names if name]


def _language(value):
    return value if isinstance(value, str) and re.fullmatch("[A-Za-z0-9-]{2,35}", value) else "en"


class _Reader:
    """Counts figures and tables and what is shown in all, and knows the heading above."""

    def __init__(self, warn):
        self.warn = warn
        self.heading = ""
        self.figures = 0
        self.tables = 0
        # Characters of text and bytes of pictures.
        self.spent = 0
        self.pictured = 0

    def note_headings(self, source):
        for level, text in headings(source):
            if level >= 2:
                self.heading = re.sub(r"^[\d.]+\s+", "", text)

    def outputs(self, cell):
        """What a cell showed; what is damaged or too large is left out, and named."""
        shown = []
        for number, output in enumerate(cell["outputs"], start=1):
            if number > limits.OUTPUTS:
                shown.append(Note(f"The cell has {len(cell['outputs']) - limits.OUTPUTS:,} more outputs, left out here."))
                break
            try:
                with limits.patience():
                    shown += self._output(output, lambda text: self.warn(cell["at"], f"in its output {number} {text}"))
            except pictures.NoPicture as reason:
                self.warn(cell["at"], f"its output {number} is left out: the picture {reason}")
                shown.append(Note(f"A picture is left out here: it {reason}."))
            except TimeoutError:
                self.warn(cell["at"], f"its output {number} is left out: it takes too long to read")
                shown.append(Note("An output is left out here: it takes too long to read."))
        return shown

    def _output(self, output, warn):
        kind = output["output_type"]
        if kind == "stream":
            text = self._printed(overwritten(output["text"])).rstrip("\n")
            return [Text(condense(text), "stream" if output["name"] == "stdout" else "error")] if text else []
        if kind == "error":
            text = self._printed(output["traceback"] or f"{output['ename']}: {output['evalue']}")
            return [Text([Piece(text.split("\n"))], "error")]
        data = output["data"]
        for mime in PICTURES:
            if mime in data:
                return [self._picture(mime, data, output["metadata"].get(mime, {}))]
        if "text/html" in data:
            return self._html(data["text/html"], warn)
        for mime in ("text/markdown", "text/latex", "text/plain"):
            if data.get(mime, "").strip():
                return [self._result(data[mime])]
        return []

    def _printed(self, text):
        """Text without colours, as far as there is room."""
        text = limits.middle_left_out(ANSI.sub("", text)).translate(html_tokens.CONTROL)
        self.spent += len(text)
        return text

    def _result(self, text):
        return Text([Piece(self._printed(text).strip("\n").split("\n"))], "result")

    def _picture(self, mime, data, about):
        content = data[mime]
        picture = pictures.picture(content.encode()) if mime == "image/svg+xml" else pictures.decoded(content)
        alt, width = about.get("alt"), about.get("width")
        shown = self._image(data.get("text/html", ""))
        scatter = shown.get("data-labbook-scatter") if shown else None
        if alt is None:
            plain = re.match(r"\[figure: ([^\n]*)\]", data.get("text/plain", "")[: limits.DESCRIPTION])
            alt = shown.get("alt") if shown else plain.group(1) if plain else None
            width = shown.get("width") if shown else width
        chart = shown is not None and shown.get("class") == CHART
        return self._figure(picture, alt, width, scatter and scatter_data.checked(scatter), chart)

    @staticmethod
    def _image(source):
        """The attributes of the image in some HTML."""
        starts = (token for token in html_tokens.tokens(source) if isinstance(token, html_tokens.Start))
        return next((token.attributes for token in starts if token.name == "img"), None)

    def _figure(self, picture, alt, width, scatter=None, chart=False):
        self.figures += 1
        self.pictured += len(picture.data)
        alt = _line(alt, limits.DESCRIPTION) or f"Figure under “{self.heading}”, without a description"
        width, height = _shown_size(picture, width)
        if scatter:
            self.pictured += len(scatter)
        return Figure(picture, self.figures, caption(alt, self.heading), alt, width, height, scatter, chart)

    def _html(self, source, warn):
        def picture(address):
            try:
                return pictures.embedded(address)
            except pictures.NoPicture as reason:
                warn(f"a picture is left out: it {reason}")
                raise

        # Pictures in it are counted by themselves.
        most = limits.PICTURES_OF_ALL if "data:image/" in source else limits.HTML
        soup = html_cleaning.soup(source[:most], picture)
        self.spent += len(source) if most == limits.HTML else len(soup.get_text())
        hidden = len(source) - most
        return list(self._blocks(soup)) + ([Note(f"{hidden:,} more characters are left out here.")] if hidden > 0 else [])

    def _blocks(self, node):
        """Figures, tables and texts of some HTML, in order, whatever they are wrapped in."""
        # As text: to move many elements from one tree to another takes quadratic time.
        rest = []

        def flush():
            full = BeautifulSoup("".join(rest), "html.parser")
            rest.clear()
            return [Markup(full)] if full.get_text(strip=True) else []

        for child in list(node.children):
            if isinstance(child, NavigableString):
                rest.append(child.output_ready())
            elif child.name == "img":
                yield from flush()
                yield from self._embedded(child)
            elif child.name == "table":
                yield from flush()
                yield from self._table(child)
            elif child.name == "pre":
                yield from flush()
                yield self._result(child.get_text())
            elif child.find(["img", "table", "pre"]):
                yield from flush()
                yield from self._blocks(child)
            else:
                rest.append(str(child))
        yield from flush()

    def _embedded(self, image):
        picture = pictures.embedded(image["src"])
        yield self._figure(picture, image.get("alt"), image.get("width"), image.get("data-labbook-scatter"), CHART in image.get("class", []))

    def _table(self, table):
        """The table, and a note where not all of it is shown."""
        caption = table.find("caption")
        title = shortened(caption.get_text(" ", strip=True), limits.DESCRIPTION).rstrip(".") if caption else ""
        number = None
        if caption:
            caption.extract()
        # "5 rows x 513 columns" says how much is left out and is no title.
        if title and not re.match(r"[0-9]+ rows", title):
            self.tables += 1
            number = self.tables
        notes = _cut(table)
        yield Table(table.extract(), number, title)
        yield from notes


def _cut(table):
    """Takes out the rows and columns that are too many; notes that say so."""
    rows = table.find_all("tr")
    wide = max((len(row.find_all(["th", "td"])) for row in rows[: limits.ROWS]), default=0)
    for row in rows[: limits.ROWS]:
        for cell in row.find_all(["th", "td"])[limits.COLUMNS :]:
            cell.extract()
    for row in rows[limits.ROWS :]:
        row.extract()
    hidden = [(len(rows) - limits.ROWS, "rows"), (wide - limits.COLUMNS, "columns")]
    return [Note(f"The table has {count:,} more {what}, left out here.") for count, what in hidden if count > 0]


def _shown_size(picture, width):
    """Width and height in CSS pixels; a figure's picture has more pixels than it is shown with."""
    width = int(width) if re.fullmatch("[0-9]{1,5}", str(width)) and int(width) > 0 else None
    if picture.mime != "image/png":
        return width, None
    real, tall = pictures.png_size(picture.data)
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


def overwritten(text):
    """Text as a terminal shows it in the end: after a carriage return a line is written anew."""
    text = ANSI.sub("", text)
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))


EPOCH = re.compile(r"^Epoch ([0-9]{1,9})/([0-9]{1,9})\b(.*)$")
BAR = re.compile(r"^\s*[0-9]+/[0-9]+ \[[=>.]*\] - (.*)$")
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
    for cell in notebook["cells"]:
        for output in cell.get("outputs", [])[: limits.OUTPUTS]:
            source = output.get("data", {}).get("text/html", "")
            # Such tables are small.
            if "<table" not in source or len(source) > 20_000:
                continue
            table = html_cleaning.soup(source).find("table")
            if table is None:
                continue
            rows = [[c.get_text(" ", strip=True) for c in row.find_all(["th", "td"])] for row in table.find_all("tr")]
            if {"Scale", "Device", "Seed"} <= {row[0] for row in rows if row}:
                facts.update({row[0]: row[1] for row in rows if len(row) == 2})
            elif table.caption and rows and rows[0][1:] == ["images", "labels", "kind"]:
                facts["Data"] = table.caption.get_text(" ", strip=True)
    return facts
