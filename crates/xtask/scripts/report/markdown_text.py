"""Markdown's structure as far as a report needs it, in time linear in the text's length."""
import re
from bisect import bisect_right

import html_cleaning
import html_tokens
from limits import TITLE, shortened

# Characters of code within a line.
LONGEST_SPAN = 1_000
# Tags without an end in one paragraph.
MOST_UNENDED = 50

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
HEADING = re.compile(r"(#{1,6})[ \t]+(.*)")
# What may mean something within a line or paragraph.
MARK = re.compile(r"\\.|`+|!?\[|\]\(|\]|<", re.S)
DESTINATION = re.compile(r"[ \t\n]*(?:<([^<>\n]*)>|((?:[^\s()<\\]|\\.|\([^\s()]*\))+))")
LINK_END = re.compile(r"""[ \t\n]*(?:"[^"]*"|'[^']*'|\([^()]*\))?[ \t\n]*\)""")
# `[name]: address`, where reference links find theirs.
DEFINITION = re.compile(r"^([ \t>]*\[[^\[\]\n]{1,300}\]:[ \t]*\n?[ \t]*)(<[^<>\n]*>|\S+)", re.M)
AUTOLINK = re.compile(r"<(?:https?://|mailto:)[^\s<>]*>", re.I)
# What follows a "<" that only compares.
MORE_OR_LESS = tuple(" \t\n=-0123456789") + ("",)
# A line that begins with a tag, in a list or quotation or not, begins a block of HTML.
HTML_LINE = re.compile(r"^[ \t>*+.0-9)-]*<(?:[A-Za-z][A-Za-z0-9-]*(?=[\s/>]|$)|[/!?])", re.M)


def blocks(source):
    """(is code, text): fenced blocks of code and what is between them; the texts join to the source."""
    return _blocks(source)[0]


def _blocks(source):
    """The blocks, and the fence that nothing closes."""
    found, lines, fence = [], [], ""
    for line in source.splitlines(keepends=True):
        edge = FENCE.match(line.rstrip("\r\n"))
        # An indented fence may be one of a list, that ends with it; its code is treated as text, which harms it little.
        if not fence and edge and line[0] != " " and not ("`" in edge[1] and "`" in edge[2]):
            found.append((False, "".join(lines)))
            lines, fence = [line], edge[1]
        elif fence and edge and edge[1].startswith(fence) and not edge[2].strip():
            found.append((True, "".join([*lines, line])))
            lines, fence = [], ""
        else:
            lines.append(line)
    found.append((bool(fence), "".join(lines)))
    return [(is_code, text) for is_code, text in found if text], fence


def outside_code(source, change):
    """Applies a change to what is not a fenced block of code."""
    return "".join(text if is_code else change(text) for is_code, text in blocks(source))


def headings(source):
    """Level and text of the headings."""
    lines = [line for is_code, text in blocks(source) if not is_code for line in text.split("\n")]
    return [heading for heading in map(heading_of, lines) if heading]


def heading_of(line):
    """Level and text of a line that is a heading, else None."""
    found = HEADING.match(line)
    if not found:
        return None
    text = found[2].strip()
    bare = text.rstrip("#")
    # Number signs at the end are decoration where a space is before them.
    return len(found[1]), shortened(bare if not bare or bare[-1] in " \t" else text, TITLE)


def take_title(source):
    """The first heading of level 1, and the source without it."""
    out, title = [], None
    for is_code, text in blocks(source):
        for line in text.splitlines(keepends=True):
            found = heading_of(line) if title is None and not is_code else None
            if found and found[0] == 1:
                title = found[1]
            else:
                out.append(line)
    return title, "".join(out) if title is not None else source


def fence_for(text):
    """A fence longer than any in the text."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def without_links(text):
    """The text of a heading, where its links stand for themselves."""
    return re.sub(r"\[([^\[\]]*)\]\([^()]*\)", r"\1", text)


def rewritten(source, change):
    """The Markdown with other addresses, and only harmless HTML.

    `change` says what stands in the place of an image, of a link's address and of a start tag.
    """
    found, fence = _blocks(source)
    out = []
    for is_code, text in found:
        if not is_code:
            # Paragraphs apart: whether backticks make code depends on what begins theirs.
            parts = re.split(r"(\n[ \t]*\n)", text)
            out += [part if at % 2 else _Paragraph(part, change).rewritten() for at, part in enumerate(parts)]
            continue
        # A fence in a block of HTML is none, unless an empty line ends that block.
        above = "".join(out[-1:])
        if above.strip() and HTML_LINE.search(above):
            out.append("\n")
        out.append(text)
    return "".join(out) + (f"\n{fence}" if fence else "")


class _Paragraph:
    def __init__(self, text, change):
        # First, as an address is no tag, whatever it holds.
        text = DEFINITION.sub(lambda found: found[1] + change.link(_address(found[2].strip("<>"))), text)
        self.text = text
        self.change = change
        self.is_html = bool(HTML_LINE.search(text))
        self.edits = _Edits(text)
        self.spans = _CodeSpans(text)
        # Where images and links may have begun.
        self.opened = []
        # How many tags have not ended; each was searched for to the end.
        self.unended = 0

    def rewritten(self):
        at = 0
        while found := MARK.search(self.text, at):
            at = self._take(found)
        return self.edits.done()

    def _take(self, found):
        """Deals with one mark, and says where to go on."""
        mark = found.group()
        if mark[0] in "\\`" and self.is_html:
            # In HTML these are only characters.
            return found.start() + 1
        if mark[0] == "`":
            return self.spans.end(found)
        if mark == "<":
            return self._html(found.start())
        if mark[-1] == "[":
            self.opened.append(found)
            if mark[0] == "!":
                # A picture whose address stands elsewhere is only text, unless what follows replaces this.
                self.edits.put(found.start(), found.end(), "!\\[")
        elif mark[0] == "]" and self.opened:
            opened = self.opened.pop()
            if mark == "](":
                return self._target(opened, found)
        return found.end()

    def _target(self, opened, closed):
        target = DESTINATION.match(self.text, closed.end())
        end = LINK_END.match(self.text, target.end()) if target else None
        if not end:
            return closed.end()
        address = _address(target[1] if target[1] is not None else target[2])
        if opened.group() == "[":
            self.edits.put(target.start(), target.end(), self.change.link(address))
            return target.end()
        words = self.text[opened.end() : closed.start()].replace("<", "&lt;")
        self.edits.put(opened.start(), end.end(), self.change.picture(address, words))
        return end.end()

    def _html(self, at):
        """Makes what the "<" begins harmless: a listed tag is written anew, a comment goes, the rest is text."""
        auto = None if self.is_html else AUTOLINK.match(self.text, at)
        if auto:
            return auto.end()
        token, end = html_tokens.read(self.text, at) if self.unended < MOST_UNENDED else (None, len(self.text))
        if token == "<" and self.text[end : end + 1] in MORE_OR_LESS:
            return end
        ended = self.text[end - 1] == ">"
        self.unended += not ended
        shown = ""
        # "pre" would change what empty lines mean.
        if isinstance(token, html_tokens.Start) and token.name != "pre":
            shown = self.change.tag(token)
        elif isinstance(token, html_tokens.End) and token.name in html_cleaning.ELEMENTS - {"pre"}:
            shown = f"</{token.name}>"
        if shown or ended and self.text.startswith("<!--", at):
            # What was apart stays apart.
            self.edits.put(at, end, shown or " ")
            return end
        self.edits.put(at, at + 1, "&lt;")
        return at + 1


def _address(written):
    """An address without Markdown's escapes and HTML's entities."""
    return html_tokens.unescaped(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", written))


class _CodeSpans:
    """Backticks, and where as many of them come again."""

    def __init__(self, text):
        self.text = text
        self.starts = {}
        for run in re.finditer("`+", text):
            self.starts.setdefault(len(run.group()), []).append(run.start())

    def end(self, run):
        """Where the code ends that this run begins; it is on one line and in one cell of a table."""
        # None where a backslash has taken the first of them.
        starts = self.starts.get(len(run.group()), [])
        following = bisect_right(starts, run.start())
        if following == len(starts):
            return run.end()
        close = starts[following]
        inside = self.text[run.end() : min(close, run.end() + LONGEST_SPAN)]
        spans = close - run.end() <= LONGEST_SPAN and "\n" not in inside and not ("|" in inside and "<" in inside)
        return close + len(run.group()) if spans else run.end()


class _Edits:
    """Replacements in a text, from its beginning to its end."""

    def __init__(self, text):
        self.text = text
        self.list = []

    def put(self, start, end, new):
        self.list.append((start, end, new))

    def done(self):
        out, at = [], 0
        # What is within another one's place, as a picture within a picture's text, goes with it.
        for start, end, new in sorted(self.list, key=lambda edit: (edit[0], -edit[1])):
            if start >= at:
                out += [self.text[at:start], new]
                at = end
        return "".join([*out, self.text[at:]])
