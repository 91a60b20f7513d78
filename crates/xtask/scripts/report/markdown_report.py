"""The report as Markdown that code-hosting sites show well, with its figures in a folder beside it."""
import html
import os
import re
import shutil
import urllib.parse

import files
import html_cleaning
import limits
import markdown_text
import pictures
from document import Cell, Figure, Markup, Note, Prose, Table, Text
from file_names import Names
from markdown_text import fence_for, headings, without_links


def write(document, target, notebook_folder, warn):
    """Writes the file and `NAME_files` anew."""
    folder = f"{os.path.splitext(target)[0]}_files"
    fresh = files.new_folder(folder)
    try:
        text = _Writer(document, folder, fresh, notebook_folder, warn).text()
        files.replace_folder(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    files.write(target, text.encode())


class _Kept:
    """The folder of the report's pictures."""

    def __init__(self, name, fresh):
        # Spaces would end an address in Markdown.
        self.name = urllib.parse.quote(name)
        self.fresh = fresh
        self.names = Names()

    def keep(self, picture, name):
        """The address of the picture's new file."""
        name = self.names.unique(name)
        files.write(os.path.join(self.fresh, name), picture.data)
        return f"{self.name}/{urllib.parse.quote(name)}"


class _Change:
    """What becomes of a Markdown cell's pictures, links and tags."""

    def __init__(self, part, album, kept, anchors, folders, warn):
        self.part = part
        self.album = album
        self.kept = kept
        self.anchors = anchors
        # The notebook's and the report's.
        self.folders = folders
        self.warn = warn

    def picture(self, address, words):
        """A picture of the notebook comes along; of another only its words stay."""
        try:
            return f"![{words}]({self._kept(address)})"
        except pictures.NoPicture:
            outside = html_cleaning.safe_address(address)
            return f"[{words or 'picture'}]({_written(outside)})" if outside else words

    def tag(self, token):
        """A start tag, written anew."""
        # Empty lines in it would end it.
        token.attributes = {name: " ".join(value.split()) for name, value in token.attributes.items()}
        if token.name == "img":
            try:
                token.attributes["src"] = self._kept(token.attributes.get("src", ""))
            except pictures.NoPicture:
                token.attributes.pop("src", None)
            return html_cleaning.tag(token, lambda address: _Address(address))
        return html_cleaning.tag(token, pictures.embedded)

    def link(self, address):
        """A heading by the anchor that it has here; a file of the notebook's folder, as seen from the report's."""
        if address.startswith("#"):
            known = self.anchors.get(urllib.parse.unquote(address[1:]))
            return "#" + (known or _written(address[1:]))
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", re.sub(r"[\0-\x20]", "", address)):
            return _written(html_cleaning.safe_address(address) or "#")
        notebook, report = self.folders
        path = os.path.join(notebook, urllib.parse.unquote(address))
        if "\0" in path or not os.path.exists(path):
            return _written(address)
        return urllib.parse.quote(os.path.relpath(path, report))

    def _kept(self, address):
        try:
            picture = self.album.find(address)
        except pictures.NoPicture as reason:
            self.warn(self.part.at, f"the picture {limits.shortened(address, 100)} {reason} and is left out")
            raise
        return self.kept.keep(picture, picture.file_name)


class _Address:
    """Stands for a picture that has a file."""

    def __init__(self, address):
        if not address:
            raise pictures.NoPicture("has no address")
        self.address = address


def _written(address):
    """An address in which nothing ends Markdown's brackets or begins something of its own."""
    return urllib.parse.quote(address, safe="!#$%&'*+,/:;=?@~-._")


class _Writer:
    def __init__(self, document, folder, fresh, notebook_folder, warn):
        self.document = document
        self.kept = _Kept(os.path.basename(folder), fresh)
        self.folders = notebook_folder, os.path.dirname(folder)
        self.warn = warn
        self.anchors = _anchors(document)
        self.jupyter_anchors = {_jupyter_anchor(text): anchor for _, text, anchor in self.anchors}

    def text(self):
        document = self.document
        blocks = [f"# {self._rewritten(document.title)}"]
        if document.authors:
            blocks.append(_plain(", ".join(document.authors)))
        rows = [f"| **{name}** | {_in_cell(_plain(value))} |" for name, value in document.facts]
        if rows:
            blocks.append("\n".join(["| | |", "|---|---|", *rows]))
        if self.anchors:
            blocks += ["## Contents", self._contents()]
        for part in document.parts:
            if isinstance(part, Prose):
                blocks.append(self._prose(part))
            elif isinstance(part, Cell):
                blocks.append(_code(part))
                blocks += [self._output(output) for output in part.outputs]
            else:
                blocks.append(self._output(part))
        return "\n\n".join(blocks) + "\n"

    def _contents(self):
        lines = []
        for level, text, anchor in self.anchors[: limits.HEADINGS]:
            if level <= 3:
                lines.append(f"{'  ' * (level - 2)}- [{self._rewritten(without_links(text))}](#{anchor})")
        return "\n".join(lines)

    def _prose(self, prose):
        """The cell as it is, but with pictures and links that work from here."""
        source = markdown_text.outside_code(prose.source, lambda text: re.sub(r"^# ", "## ", text, flags=re.M))
        return self._rewritten(source, prose).strip()

    def _rewritten(self, source, part=Prose("")):
        """Markdown of the notebook, with nothing in it that would run or fetch."""
        album = pictures.Album(self.folders[0], part.attachments)
        change = _Change(part, album, self.kept, self.jupyter_anchors, self.folders, self.warn)
        return markdown_text.rewritten(source, change)

    def _output(self, output):
        if isinstance(output, Figure):
            file = self.kept.keep(output.picture, f"figure-{output.number:02}.{output.picture.suffix}")
            width = f' width="{output.width}"' if output.width else ""
            image = f'<img src="{file}"{width} alt="{html.escape(output.alt)}">'
            return f"{image}\n\n**Figure {output.number}.** {_plain(output.caption)}"
        if isinstance(output, Table):
            title = f"**Table {output.number}.** {_plain(output.title)}.\n\n" if output.number else ""
            title = title or (f"{_plain(output.title)}\n\n" if output.title else "")
            return title + _table(output.soup)
        if isinstance(output, Text):
            return _text(output)
        if isinstance(output, Note):
            return f"*{_plain(output.text)}*"
        assert isinstance(output, Markup)
        return "\n\n".join(_plain(t) for t in output.soup.get_text("\n", strip=True).split("\n"))


def _anchors(document):
    """(level, text, anchor) of each heading, with the anchors that GitHub and GitLab make."""
    found, seen = [], {"contents": 1}
    for part in document.parts:
        for level, text in headings(part.source) if isinstance(part, Prose) else []:
            slug = re.sub(r"[^\w\- ]", "", without_links(text).lower()).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            found.append((max(2, level), text, f"{slug}-{count}" if count else slug))
    return found


def _jupyter_anchor(text):
    return text.strip().replace(" ", "-")


def _code(cell):
    fence = fence_for(cell.source)
    block = f"{fence}rust\n{cell.source}\n{fence}"
    if cell.lines <= 2:
        return block
    words, code = cell.summary
    label = html.escape(words, quote=False) if words else f"<code>{html.escape(code, quote=False)}</code>"
    number = f"[{cell.number}] " if cell.number else ""
    return f"<details>\n<summary>{number}{label}</summary>\n\n{block}\n\n</details>"


def _text(text):
    """Folded lines are left out: a code block cannot fold, and the notebook has them."""
    lines = []
    for piece in text.pieces:
        lines += [f"… {piece.folded} …"] if piece.folded else piece.lines
    fence = fence_for("\n".join(lines))
    return "\n".join([f"{fence}text", *lines, fence])


def _table(table):
    """A pipe table; its first row is the heading, as every such table needs one."""
    rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
    if not rows:
        return ""
    texts = [[_in_cell(_plain(cell.get_text(" ", strip=True))) for cell in row] for row in rows]
    columns = max(len(row) for row in texts)
    if not table.find("thead"):
        texts.insert(0, [""] * columns)
    sample = rows[-1]
    right = [i < len(sample) and "right" in sample[i].get("style", "") for i in range(columns)]
    texts.insert(1, ["---:" if r else "---" for r in right])
    return "\n".join("| " + " | ".join(row + [""] * (columns - len(row))) + " |" for row in texts)


def _in_cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def _plain(text):
    """Text that Markdown leaves alone."""
    return re.sub(r"([\\`*_\[\]<>#~])", r"\\\1", text)
