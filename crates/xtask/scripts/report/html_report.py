"""The report as one HTML page that needs nothing else: no font, no address, no script but one of ours."""
import base64
import copy
import hashlib
import html
import pathlib
import re
from collections import Counter

from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup as Safe
from mistune import HTMLRenderer
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

import html_cleaning
import limits
from document import Cell, Figure, Markup, Note, Prose, Table, Text
from pictures import Album, NoPicture

# The script of scatter plots, which notebooks' outputs have too, from the templates' folder.
SCATTER = "scatter.js"
# Cells of so many lines are shown; longer ones are folded.
SHORT_CODE = 2
# A code cell stays on one page with its outputs, up to so many printed lines of all.
KEPT = 24
# A paragraph of so many characters stays on one page with the cell that it leads to.
INTRODUCTION = 800
# Longer code or printed text may be broken between two pages.
LONG = 40
# A table's cell of more characters may be narrow on paper only.
SENTENCE = 60


class _Renderer(IPythonRenderer):
    """Leaves the addresses of pictures as they are written: the cleaning finds and checks them."""

    def image(self, text, url, title=None):
        return HTMLRenderer.image(self, text, url, title)


def _css_string(text):
    """Text in quotes for a style sheet, whatever it holds."""
    return Safe('"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text) + '"')


class Page:
    """Renders a document; collects its headings on the way."""

    def __init__(self, document, templates, notebook_folder, warn):
        self.document = document
        self.folder = notebook_folder
        self.warn = warn
        self.markdown = MarkdownWithMath(renderer=_Renderer(escape=False, exclude_anchor_links=True))
        self.environment = Environment(loader=FileSystemLoader(templates), autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self.macros = self.environment.get_template("blocks.html.j2").module
        self.lexer = get_lexer_by_name("rust")
        self.formatter = HtmlFormatter(nowrap=True)
        self.contents = []
        self.repeated = Counter()
        # The page's own identifiers.
        self.anchors = {"all-code", "content", "contents"}
        # One script at most: what prepares the page for paper, or what makes scatter plots live.
        self.paper = pathlib.Path(templates, "paper.js").read_text(encoding="utf-8")
        self.scatter = pathlib.Path(templates, SCATTER).read_text(encoding="utf-8")
        self.environment.filters["css_string"] = _css_string
        self.body = self._grouped(list(self._elements()))

    def render(self, pages=None, fonts=None):
        """The page; for paper with the page of each heading (or an empty dict while unknown) and fonts."""
        template = self.environment.get_template("report.html.j2")
        script = self.paper if pages is not None else self.scatter if "data-labbook-scatter=" in self.body else ""
        # The only script that a browser may run is this one.
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        return template.render(
            document=self.document,
            script=Safe(script),
            digest=digest,
            contents=self.contents,
            body=Safe(self.body),
            paper=pages is not None,
            pages=pages or {},
            fonts=fonts or {},
        )

    def broken_links(self):
        """Addresses within the page that lead nowhere."""
        soup = BeautifulSoup(self.body, "html.parser")
        known = {element["id"] for element in soup.find_all(id=True)}
        return [a["href"] for a in soup.find_all("a", href=re.compile("^#.")) if a["href"][1:] not in known]

    def _elements(self):
        """(kind, HTML): headings, prose, and code cells as a lead that stays together and the rest."""
        for part in self.document.parts:
            if isinstance(part, Cell):
                yield from self._cell(part)
            elif isinstance(part, Prose):
                yield from self._prose(part)
            else:
                yield "prose", self._output(part)

    def _prose(self, part):
        soup = self._cleaned(part)
        for link in soup.find_all("a", href=False):
            # Where a link led to the notebook's folder: that does not go with the report.
            if not link.get("id"):
                link.unwrap()
        for element in soup.find_all(id=True):
            if not re.fullmatch("h[1-6]", element.name):
                self._keep_identifier(element)
        for table in soup.find_all("table"):
            table.wrap(soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0", "role": "region", "aria-label": "Table"}))
        for element in soup.find_all(True, recursive=False):
            if not re.fullmatch("h[1-6]", element.name):
                yield "prose", str(element)
                continue
            # The report's title is the only heading of level 1.
            level = max(2, int(element.name[1]))
            element.name = f"h{level}"
            anchor = self._anchor(element)
            if level <= 3 and len(self.contents) < limits.HEADINGS:
                self.contents.append((level, limits.shortened(element.get_text(), limits.TITLE), anchor))
            yield "heading", str(element)

    def _cleaned(self, part):
        """The HTML of a Markdown cell; its source where the Markdown cannot be read."""
        album = Album(self.folder, part.attachments)

        def picture(address):
            try:
                return album.find(address)
            except NoPicture as reason:
                self.warn(part.at, f"the picture {limits.shortened(address, 100)} {reason} and is left out")
                raise

        try:
            with limits.patience():
                return html_cleaning.soup(self.markdown.render(part.source), picture)
        except Exception as error:  # A library for Markdown fails in any way for hostile text.
            self.warn(part.at, f"its Markdown is shown as it is written: {type(error).__name__}")
            return html_cleaning.soup(f"<pre>{html.escape(part.source)}</pre>")

    def _keep_identifier(self, element):
        """An author's own anchor, unless the page has it already."""
        name = element["id"]
        if name in self.anchors or re.match("(?:figure|table)-[0-9]", name):
            del element["id"]
        self.anchors.add(name)

    def _anchor(self, heading):
        """A heading's id as Jupyter makes it, so that a notebook's own links work; unique here."""
        base = heading.get("id") or heading.get_text().strip().replace(" ", "-")[: limits.TITLE]
        anchor = base
        while anchor in self.anchors:
            self.repeated[base] += 1
            anchor = f"{base}-{self.repeated[base] + 1}"
        self.anchors.add(anchor)
        heading["id"] = anchor
        return anchor

    def _cell(self, cell):
        words, code = cell.summary
        lead = self.macros.code(
            number=cell.number,
            words=words,
            summary=self._highlighted(code),
            source=self._highlighted(cell.source),
            folded=cell.lines > SHORT_CODE,
            long=cell.lines > LONG,
        )
        outputs = [self._output(output) for output in cell.outputs]
        lines = cell.lines
        for shown in cell.outputs:
            lines += _length(shown)
            # A line or two of code would look lost at a page's foot, its figure overleaf.
            small = isinstance(shown, Figure) and shown is cell.outputs[0] and cell.lines <= SHORT_CODE
            if lines > KEPT and not small:
                break
            lead += outputs.pop(0)
        yield "lead", f'<div class="keep">{lead}</div>'
        for output in outputs:
            yield "output", output

    def _highlighted(self, source):
        try:
            with limits.patience():
                return Safe(highlight(source, self.lexer, self.formatter).rstrip("\n"))
        except TimeoutError:
            return source

    def _output(self, output):
        if isinstance(output, Figure):
            return self.macros.figure(output, output.picture.address)
        if isinstance(output, Table):
            row = output.soup.find("tr")
            return self.macros.table(output, Safe(_tidy(copy.copy(output.soup))), len(row.find_all(["th", "td"])) if row else 0)
        if isinstance(output, Note):
            return self.macros.note(output.text)
        if isinstance(output, Text):
            return self.macros.text(output, long=_length(output) > LONG)
        assert isinstance(output, Markup)
        soup = copy.copy(output.soup)
        for element in soup.find_all(True):
            # An author's anchor is of use in prose only.
            del element["style"], element["id"]
        return self.macros.markup(Safe(str(soup)))

    @staticmethod
    def _grouped(elements):
        """One HTML text in which what must not end a page shares a box with what follows it."""
        out, together = [], []
        for at, (kind, text) in enumerate(elements):
            together.append(text)
            following = elements[at + 1][0] if at + 1 < len(elements) else None
            introduces = kind == "prose" and following == "lead" and len(text) <= INTRODUCTION
            if following and (kind == "heading" or introduces):
                continue
            block = "\n".join(together)
            out.append(f'<div class="keep">{block}</div>' if len(together) > 1 else block)
            together = []
        return "\n".join(out)


def _length(output):
    """About how many lines of code would take the same space on paper."""
    if isinstance(output, Figure):
        return round((output.height or 300) / 19)
    if isinstance(output, Table):
        return len(output.soup.find_all("tr"))
    if isinstance(output, Text):
        return sum(1 if piece.folded else len(piece.lines) for piece in output.pieces)
    return 1


def _tidy(table):
    """Our tables bring their looks in each cell, for notebooks; this page has a style sheet."""
    if "labbook" not in table.get("class", []):
        return str(table)
    del table["style"]
    for cell in table.find_all(["th", "td"]):
        style = dict(entry.split(":", 1) for entry in cell.get("style", "").split(";") if ":" in entry)
        del cell["style"]
        names = [name for name, at, value in (("n", "text-align", "right"), ("line", "white-space", "nowrap")) if style.get(at) == value]
        if len(cell.get_text()) > SENTENCE:
            names.append("sentence")
        shade = _shade(style.get("background", ""))
        if shade:
            cell["style"] = f"background:{shade}"
            light = style.get("color") in ("#fff", "#ffffff", "white")
            names.append("inverse" if light else "shaded")
        if names:
            cell["class"] = names
    return str(table)


def _shade(background):
    """A colour on white as the paint that makes it, so that it suits a dark page as well."""
    background = background.strip()
    if re.fullmatch("#[0-9a-fA-F]{6}", background):
        channels = [int(background[at : at + 2], 16) for at in (1, 3, 5)]
    elif found := re.fullmatch(r"rgb\(([0-9]{1,3}), *([0-9]{1,3}), *([0-9]{1,3})\)", background):
        channels = [min(int(value), 255) for value in found.groups()]
    else:
        return background
    cover = 1 - min(channels) / 255
    if cover < 0.01:
        return ""
    paint = [round((value - 255 * (1 - cover)) / cover) for value in channels]
    return f"rgb({paint[0]} {paint[1]} {paint[2]} / {cover:.2f})"
