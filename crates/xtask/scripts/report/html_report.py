"""The report as one HTML page that needs nothing else: no script, no font, no address."""
import base64
import copy
import re

from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup as Safe
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from document import Cell, Figure, Markup, Table, Text, make_safe

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


class Page:
    """Renders a document; collects its headings on the way."""

    def __init__(self, document, templates, notebook_folder):
        self.document = document
        self.folder = notebook_folder
        self.environment = Environment(loader=FileSystemLoader(templates), autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self.macros = self.environment.get_template("blocks.html.j2").module
        self.lexer = get_lexer_by_name("rust")
        self.formatter = HtmlFormatter(nowrap=True)
        self.contents = []
        self.anchors = set()
        self.body = self._grouped(list(self._elements()))

    def render(self, pages=None, fonts=None):
        """The page; for paper with the page of each heading (or an empty dict while unknown) and fonts."""
        template = self.environment.get_template("report.html.j2")
        return template.render(
            document=self.document,
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
            else:
                yield from self._prose(part)

    def _prose(self, part):
        renderer = IPythonRenderer(
            escape=False, attachments=part.attachments, embed_images=True, path=self.folder, anchor_link_text=""
        )
        soup = BeautifulSoup(MarkdownWithMath(renderer=renderer).render(part.source), "html.parser")
        make_safe(soup)
        for link in soup.find_all("a", class_="anchor-link"):
            link.decompose()
        for link in soup.find_all("a", href=True):
            # The notebook's folder does not go with the report.
            if not re.match(r"#|[a-z][a-z0-9+.-]*:", link["href"]):
                link.unwrap()
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
            if level <= 3:
                self.contents.append((level, element.get_text(), anchor))
            yield "heading", str(element)

    def _anchor(self, heading):
        """A heading's id as Jupyter makes it, so that a notebook's own links work; unique here."""
        base = heading.get("id") or heading.get_text().strip().replace(" ", "-")
        anchor, count = base, 1
        while anchor in self.anchors:
            count += 1
            anchor = f"{base}-{count}"
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
        return Safe(highlight(source, self.lexer, self.formatter).rstrip("\n"))

    def _output(self, output):
        if isinstance(output, Figure):
            encoded = base64.b64encode(output.data).decode()
            return self.macros.figure(output, f"data:{output.mime};base64,{encoded}")
        if isinstance(output, Table):
            return self.macros.table(output, Safe(_tidy(copy.copy(output.soup))), len(output.soup.find("tr").find_all(["th", "td"])))
        if isinstance(output, Text):
            return self.macros.text(output, long=_length(output) > LONG)
        assert isinstance(output, Markup)
        soup = copy.copy(output.soup)
        for element in soup.find_all(True):
            del element["style"]
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
    elif found := re.fullmatch(r"rgb\((\d+), *(\d+), *(\d+)\)", background):
        channels = [int(value) for value in found.groups()]
    else:
        return background
    cover = 1 - min(channels) / 255
    if cover < 0.01:
        return ""
    paint = [round((value - 255 * (1 - cover)) / cover) for value in channels]
    return f"rgb({paint[0]} {paint[1]} {paint[2]} / {cover:.2f})"
