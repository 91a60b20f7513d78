"""Hostile and damaged notebooks through the report's own scripts, all in one process.

usage: hostile_reports.py ROOT FOLDER [BROWSER]

Each case is a notebook, or the bytes of a file, and what has to come of it.
"""
import base64
import contextlib
import hashlib
import html
import html.parser
import http.server
import io
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import threading
import unittest
import zlib

ROOT, FOLDER = map(pathlib.Path, sys.argv[1:3])
BROWSER = sys.argv[3] if len(sys.argv) > 3 else ""
SCRIPTS, TEMPLATES = ROOT / "crates/xtask/scripts/report", ROOT / "crates/xtask/template"
sys.path.insert(0, str(SCRIPTS))
sys.dont_write_bytecode = True

import file_names
import html_cleaning
import limits
import markdown_text
import pdf
import render
import scatter_data

SECRET = "the-secret-of-another-folder"


def png(width=3, height=2):
    """A grey picture."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height if width * height < 10_000 else b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PNG = base64.b64encode(png()).decode()
# What any of the hostile notebooks would be after.
MARKED = base64.b64encode(png(7, 7)).decode()


def markdown(source, **attachments):
    return {"cell_type": "markdown", "metadata": {}, "source": source, "attachments": attachments}


def code(*outputs, source="f()"):
    return {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source, "outputs": list(outputs)}


def shown(**data):
    data = {name.replace("_", "/").replace("svg", "svg+xml"): value for name, value in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def notebook(*cells, **metadata):
    # With an output, as a report needs one.
    cells = [*cells, code(printed("the end"))]
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


class Report:
    """The files of a report and what was said while it was written."""

    def __init__(self, name, content, formats=("html", "md")):
        self.folder = FOLDER / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "it.ipynb"
        self.path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        target = self.folder / "out"
        target.mkdir(exist_ok=True)
        settings = {
            "templates": str(TEMPLATES), "fonts": {}, "browser": BROWSER, "run": None,
            "session": str(target / "none"), "folder": str(self.folder),
        }  # fmt: skip
        settings |= {format: str(target / f"it.{format}") for format in formats}
        before = self._files()
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            try:
                render.write(str(self.path), settings)
                self.failure = ""
            except render.FAILURES as failure:
                self.failure = str(failure)
        self.said = said.getvalue()
        self.new = sorted(self._files() - before)
        self.html, self.md = (self._text(target / f"it.{format}") for format in ("html", "md"))

    def _files(self):
        return {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*")}

    @staticmethod
    def _text(path):
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def pictures(self):
        folder = self.folder / "out/it_files"
        return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


class Tags(html.parser.HTMLParser):
    """All tags and attributes of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=False)
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.clear_cdata_mode()
        self.found.append((tag, dict(attributes)))

    def handle_comment(self, data):
        self.found.append(("!--", {}))

    def unknown_decl(self, data):
        self.found.append(("![", {}))

    handle_decl = handle_pi = unknown_decl


PAGE = html_cleaning.ELEMENTS | set("body header main nav footer label figure figcaption".split())
# What the list for cleaning allows, and what the page's own elements have.
ATTRIBUTES = {name for checks in html_cleaning.CHECKS.values() for name in checks} | set(
    "src disabled tabindex role aria-label aria-labelledby data-labbook-scatter".split()
)
# Elements and attributes of which no list may ever hold one.
DANGEROUS = set("base button embed form frame iframe link math meta noscript object script select style svg template textarea title".split())


def assert_harmless(test, page):
    """No tag, attribute or address in a page that would run, fetch, or lead away by itself."""
    for tag, attributes in Tags(page[page.index("<body") :]).found:
        test.assertIn(tag, PAGE)
        for name, value in attributes.items():
            test.assertIn(name, ATTRIBUTES, value)
            if name == "src":
                test.assertRegex(value, r"\Adata:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]*\Z")
            if name == "href":
                test.assertRegex(value, r"(?i)\A(#|https?://|mailto:)")
            if name == "data-labbook-scatter":
                test.assertEqual(value, scatter_data.checked(value))
            if name == "style":
                test.assertNotRegex(value, r"(?i)url|expression|import|position|\\")


HOSTILE_HTML = [
    '<div>a<!--> <img src=x onerror="RUN()"> --></div>',
    '<div>a<!---> <img src=x onerror="RUN()"> --></div>',
    '<div>a<!-- --!> <img src=x onerror="RUN()"> --></div>',
    '<div>a<![CDATA[ ><img src=x onerror="RUN()">]]></div>',
    '<div>a<!x ><img src=x onerror="RUN()">></div>',
    '<div>a<?x ><img src=x onerror="RUN()">?></div>',
    '<div>a</ ><img src=x onerror="RUN()">></div>',
    "<script>RUN()</script>", "<ScRiPt\n>RUN()</sCrIpT >", "<script/x>RUN()", "<scr<script>ipt>RUN()</script>",
    '<script><!--<script></script>--><img src=x onerror="RUN()"></script>',
    '<meta http-equiv=refresh content="0;url=http://HOST/m">', '<!--><meta http-equiv="refresh" content="0;url=http://HOST/m">-->',
    '<base href="http://HOST/">', '<link rel=stylesheet href="http://HOST/l">', '<link rel=prefetch href=//HOST/p>',
    '<iframe src="http://HOST/i"></iframe>', '<iframe srcdoc="<script>RUN()</script>"></iframe>', '<iframe src="file:///etc/hostname">',
    '<form action="http://HOST/f"><button formaction="javascript:RUN()">x</button><input type=image src="http://HOST/x"></form>',
    '<object data="http://HOST/o"></object>', '<embed src="http://HOST/e">', '<frameset><frame src="http://HOST/fr"></frameset>',
    '<img src="http://HOST/s">', '<img srcset="http://HOST/s 2x">', '<img src=file:///etc/hostname>', "<img src=/etc/hostname>",
    '<picture><source srcset="http://HOST/s"><img src="http://HOST/q"></picture>', '<video poster="http://HOST/v" src=x></video>',
    '<audio src="http://HOST/a" autoplay></audio>', '<table background="http://HOST/b"><tr><td background="http://HOST/c">x</table>',
    '<svg><script>RUN()</script></svg>', '<svg onload="RUN()">', '<svg><image href="http://HOST/i"/></svg>',
    '<svg><use href="http://HOST/u#a"/></svg>', '<svg><foreignObject><iframe src="http://HOST/i"></iframe></foreignObject></svg>',
    '<svg><a><animate attributeName=href values="javascript:RUN()"/><text>x</text></a></svg>',
    '<svg><style><img src=x onerror="RUN()"></style></svg>', '<svg></p><style><a id="</style><img src=1 onerror=RUN()>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=RUN()&gt;">',
    '<math href="javascript:RUN()">x</math>', '<math><annotation-xml encoding="text/html"><script>RUN()</script></annotation-xml></math>',
    '<form><math><mtext></form><form><mglyph><style></math><img src onerror=RUN()>',
    '<noscript><p title="</noscript><img src=x onerror=RUN()>"></noscript>',
    '<textarea><p title="</textarea><img src=x onerror=RUN()>"></textarea>', '<title><img title="</title><img src=x onerror=RUN()>"></title>',
    '<style><img title="</style><img src=x onerror=RUN()>"></style>', '<style>@import "http://HOST/c";*{background:url(http://HOST/d)}</style>',
    '<xmp><img title="</xmp><img src=x onerror=RUN()>"></xmp>', '<template><img src=x onerror=RUN()></template>',
    '<noembed><img title="</noembed><img src=x onerror=RUN()>">', '<plaintext><img src=x onerror=RUN()>',
    '<select><style></select><img src=x onerror=RUN()></style>', '<listing>&lt;img src=x onerror=RUN()&gt;</listing>',
    '<a href="javascript:RUN()">x</a>', '<a href=" java\tscript:RUN()">x</a>', '<a href="&#106;avascript&colon;RUN()">x</a>',
    '<a href="\x01javascript:RUN()">x</a>', '<a href="data:text/html,<script>RUN()</script>">x</a>', '<a href="vbscript:RUN()">x</a>',
    '<a href="file:///etc/hostname">x</a>', '<a href="//HOST/x" ping="http://HOST/ping" target=_blank>x</a>', '<a href="blob:http://HOST/x">x</a>',
    '<a href="&#x6A;&#x61;&#x76;&#x61;script:RUN()" onclick="RUN()">x</a>', '<a xlink:href="javascript:RUN()">x</a>',
    '<p style="background:url(http://HOST/s)">x</p>', '<p style="background:u\\72l(http://HOST/s)">x</p>',
    '<p style="position:fixed;inset:0;background:red">x</p>', '<p style="width:expression(RUN())">x</p>', "<p style='color:red;--x:url(http://HOST/v)'>x</p>",
    '<p style="background-image:image-set(\'http://HOST/s\' 1x)">x</p>', '<b/onmouseover=RUN()>x</b>', '<b\x0conclick=RUN()>x</b>', "<b x='\"onclick=RUN()'>x</b>",
    '<img alt="\'><script>RUN()</script>" src="data:image/png;base64,%s">' % PNG, "<img src=`x`onerror=RUN()>", '<img """><script>RUN()</script>">',
    '<a id="contents"></a><h2 id="all-code">x</h2><p id="figure-1" class="skip printed">x</p>', "</div></main></body></html><script>RUN()</script>",
    '<img src="data:image/svg+xml,<svg xmlns=\'http://www.w3.org/2000/svg\'><image href=\'http://HOST/i\'/></svg>">',
    '<img src="data:text/html;base64,PHNjcmlwdD4=">', '<input type=text autofocus onfocus=RUN()>', '<details open ontoggle=RUN()>x</details>',
    '<marquee onstart=RUN()>x</marquee>', '<portal src="http://HOST/p">', '<dialog open>x</dialog>', '<isindex action="javascript:RUN()">',
    '<body onload=RUN()>', '<html manifest="http://HOST/m">', '<td><script>RUN()</script>', '<p><table><p><a href="javascript:RUN()">',
    "\0<\0script>RUN()</script>", "<\u2028script>RUN()</script>", "＜script＞RUN()", "<x" * 50 + ">", "&lt;script&gt;RUN()&lt;/script&gt;",
    "<b>" * 300 + "deep" + "</b>" * 10, "&#" + "9" * 5000 + ";", "<p class='" + "x" * 1000 + "'>long</p>", "<p title='\n\n![x](http://HOST/t)'>x</p>",
]  # fmt: skip


class HostileHtml(unittest.TestCase):
    def test_no_html_of_an_output_or_a_cell_runs_fetches_or_leads_away(self):
        forms = {"output": lambda html: code(shown(text_html=html)), "cell": markdown, "line": lambda html: markdown(f"a {html} z")}
        for where, form in forms.items():
            with self.subTest(where):
                # Each is followed by a heading, which has to come out whole.
                cells = [cell for at, html in enumerate(HOSTILE_HTML) for cell in (form(html), markdown(f"## After {at}"))]
                report = Report("html", notebook(*cells))
                self.assertEqual(report.failure, "")
                assert_harmless(self, report.html)
                assert_harmless_markdown(self, report.md)
                for at in range(len(HOSTILE_HTML)):
                    self.assertIn(f">After {at}</h2>", report.html)
                    self.assertIn(f"\n\n## After {at}\n\n", report.md)
                self.assertEqual((report.html.count("<main"), report.html.count("</main>")), (1, 1))

    def test_the_list_holds_nothing_that_runs_or_fetches(self):
        self.assertEqual(PAGE & DANGEROUS, set())
        self.assertFalse([name for name in ATTRIBUTES if name.startswith("on")])
        self.assertEqual(ATTRIBUTES & set("srcset ping target srcdoc formaction name http-equiv action data poster background".split()), set())

    def test_harmless_html_stays(self):
        table = '<table class="labbook"><caption>T</caption><tr><th scope="col">a<th>b<tr><td style="color:red;left:0">1 &amp; 2<td>3</table>'
        self.assertEqual(
            html_cleaning.clean(table),
            '<table class="labbook"><caption>T</caption><tr><th scope="col">a</th><th>b</th></tr>'
            '<tr><td style="color:red">1 &amp; 2</td><td>3</td></tr></table>',
        )
        self.assertEqual(html_cleaning.clean("<font color=red>x</font> <b>y"), "x <b>y</b>")

    def test_metadata_is_only_text(self):
        evil = '"></title><script>RUN()</script>\n\n![x](http://HOST/m)\u2028</style>'
        about = {"title": evil, "authors": [{"name": evil}, {"name": None}, 5], "language": '"><script>'}
        report = Report("metadata", notebook(code(shown(image_png=PNG), source=f"// {evil}\nf()\ng()"), **about))
        assert_harmless(self, report.html)
        assert_harmless_markdown(self, report.md)
        self.assertNotIn("<script", report.html)


def assert_harmless_markdown(test, text):
    """Outside of code: no tag but listed ones, no picture or link that runs or is fetched."""
    plain = "".join(part for is_code, part in markdown_text.blocks(text) if not is_code)
    # Escaped by Markdown, and addresses in brackets where they are links.
    plain = re.sub(r"\\[<>\[\]]|(?m:^[^<\n]*)<https?://[^\s<>]*>", "", plain)
    for tag, attributes in Tags(plain).found:
        test.assertIn(tag, html_cleaning.ELEMENTS)
        for name, value in attributes.items():
            test.assertIn(name, ATTRIBUTES, value)
            if name == "src":
                test.assertRegex(value, r"\Ait_files/[\w.%-]+\Z")
            if name == "href":
                test.assertRegex(value, r"(?i)\A(#|https?://|mailto:)")
    test.assertNotRegex(plain, r"!\[[^\]]*\]\((?!it_files)")
    test.assertNotRegex(plain, r"(?i)\]\(\s*<?\s*(javascript|data|vbscript|file|blob):")
    test.assertNotRegex(plain, r"(?im)^[\s>]*\[[^\]]*\]:\s*<?(javascript|data|vbscript|file|blob):")


HOSTILE_MARKDOWN = [
    "[x](javascript:RUN())", "[x](<javascript:RUN()>)", "[x](javascript&colon;RUN())", "[x](&#106;avascript:RUN())", "[x](java\\script\\:RUN())",
    "[x]\n\n[x]: javascript:RUN()", "[x]\n\n[x]:\n  javascript:RUN()", "[x]\n\n> [x]: <javascript:RUN()>", "<javascript:RUN()>", "[x](data:text/html,x)",
    "![x](http://HOST/i)", "![x][y]\n\n[y]: http://HOST/i", "[![x](http://HOST/i)](javascript:RUN())", "![x](\"onerror=RUN())", "<div>\n<http://x/onmouseover=RUN()>y",
    "![<img src=http://HOST/i>](y)", '![x"onerror="RUN()](y)', "`\n# <script>RUN()</script> `", "| ` | <script>RUN()</script> ` |\n|-|-|\n",
    "<div>\n```\n<script>RUN()</script>\n```\n</div>", "<div>\n`<script>RUN()</script>`\n</div>", "<div>\n\\<script>RUN()</script>\n</div>", "<pre>\n\n```\n<script>RUN()</script>\n```",
    "<![script](x)>", "<<!-- -->script>RUN()</script>", "\\```\n<script>RUN()", "- ```\n  x\n  ```\n  <script>RUN()</script>", "- a\n\n  ```\n<script>RUN()</script>",
    "[x]: y <script>RUN()</script>", "[x]: <b onclick=\"<script>RUN()</script>\">", "- a\n\n      ```\n  <script>RUN()</script>", "``` <script>\nx", "~~~\n<script>RUN()</script>", "<!-- `--><script>RUN()</script>", "$<script>RUN()</script>$", "$$\n<img src=x onerror=RUN()>\n$$",
    "\\begin{a}<script>RUN()</script>\\end{a}", "```mermaid\n<script>RUN()</script>\n```", "```html\n<script>RUN()</script>\n```", "~~<script>~~", "[^1]\n\n[^1]: <script>RUN()</script>",
    "# <img src=x onerror=RUN()>", "## [x](javascript:RUN())", "- [ ] <script>RUN()</script>", "<http://x/\"onclick=RUN()>", "http://x/<script>RUN()</script>", "&lt;script&gt;RUN()",
]  # fmt: skip


class HostileMarkdown(unittest.TestCase):
    def test_no_markdown_runs_fetches_or_leads_away(self):
        cells = [cell for at, source in enumerate(HOSTILE_MARKDOWN) for cell in (markdown(source), markdown(f"## After {at}"))]
        report = Report("markdown", notebook(markdown("# T"), *cells))
        self.assertEqual(report.failure, "")
        assert_harmless(self, report.html)
        assert_harmless_markdown(self, report.md)
        for at in range(len(HOSTILE_MARKDOWN)):
            self.assertIn(f"\n\n## After {at}\n\n", report.md)

    def test_code_in_markdown_stays_as_it_is(self):
        source = "Text `Vec<f32>` and ``a `<b>` c`` \\<b>.\n\n```rust\nlet a: Vec<f32>;\n```\n\n<https://example.org>"
        report = Report("code", notebook(markdown(source)))
        self.assertIn(source, report.md)

def packed(*numbers):
    return base64.b64encode(b"".join(n.to_bytes(2, "little") for n in numbers)).decode()


def scatter(**changes):
    """The data of a small plot, as a notebook's output has them."""
    data = {
        "width": 400, "height": 300, "title": "A <map>", "x_label": "t-SNE 1", "y_label": "", "plot": [40, 20, 300, 260],
        "x_range": [0, 1], "y_range": [-1, 1], "x": packed(0, 30000, 65535), "y": packed(9, 9, 40000), "classes": base64.b64encode(b"\0\1\1").decode(),
        "names": ["cat", "</script><b>dog"], "colors": ["#d95757", "#57d98a"], "wrong": base64.b64encode(b"\2").decode(), "values": None,
        "radius": 3.5, "alpha": 0.8, "thumbnails": {"picture": f"data:image/png;base64,{base64.b64encode(png(9, 4)).decode()}", "width": 3, "height": 4, "columns": 3, "every": 1},
    }  # fmt: skip
    return data | changes


def plotted(data, more=""):
    text = data if isinstance(data, str) else json.dumps(data)
    image = f'<img alt="Scatter plot of 3 points" width="400" src="data:image/png;base64,{PNG}" data-labbook-scatter="{html.escape(text)}"{more}>'
    return image + "<script>new Image().src='http://HOST/run'</script>"


class ScatterPlots(unittest.TestCase):
    SCRIPT = (ROOT / "crates/labbook-notebook/src/scatter.js").read_text(encoding="utf-8")

    def pieces(self, report):
        """The page's scripts, and the data that its plots have."""
        tags = Tags(report.html[report.html.index("<body") :]).found
        data = [attributes["data-labbook-scatter"] for _, attributes in tags if "data-labbook-scatter" in attributes]
        return re.findall("<script>(.*?)</script>", report.html, re.S), data

    def test_a_plot_stays_live_by_our_script_alone(self):
        values = {"name": "depth", "at": packed(1, 2, 3), "range": [1, 2.5], "colors": ["#000000"] * 256}
        plots = [scatter(), scatter(classes=None, names=[], colors=["#000000"], wrong=None, values=values, thumbnails=None)]
        html_form = "".join(f"<div>{plotted(data)}</div>" for data in plots)
        cells = [code(shown(text_html=plotted(plots[0]), image_png=PNG, text_plain="[figure: x]")), code(shown(text_html=html_form))]
        report = Report("live", notebook(*cells))
        self.assertEqual(report.failure, "")
        assert_harmless(self, report.html)
        assert_harmless_markdown(self, report.md)
        scripts, data = self.pieces(report)
        self.assertEqual(scripts, [self.SCRIPT])
        self.assertEqual([json.loads(text) for text in data], [plots[0], *plots])
        digest = base64.b64encode(hashlib.sha256(self.SCRIPT.encode()).digest()).decode()
        self.assertIn(f"script-src 'sha256-{digest}'\"", report.html)
        # Elsewhere it is its picture.
        self.assertNotIn("data-labbook-scatter", report.md)
        self.assertEqual(len(report.pictures), 3)

    def test_without_a_plot_there_is_no_script(self):
        report = Report("still", notebook(code(shown(image_png=PNG))))
        self.assertEqual(self.pieces(report), ([], []))
        self.assertNotIn("script-src", report.html)

    def test_data_that_are_not_what_they_should_be_leave_the_picture(self):
        big = base64.b64encode(b"\0\0" * (scatter_data.POINTS + 1)).decode()
        few = scatter()["thumbnails"]
        wrong = [
            "", "[]", "{}", "nul", "[" * 100_000, "1e999", json.dumps(scatter())[:-1], scatter(width=0), scatter(width=1e9), scatter(width="400"), scatter(width=True),
            scatter(plot=[40, 20, 300]), scatter(plot=[300, 20, 40, 260]), scatter(plot=[0, 0, 1e5, 10]), scatter(plot=None), scatter(x_range=[1, 1]), scatter(x_range=[0, float("nan")]),
            scatter(y_range=[0, float("inf")]), scatter(y_range=["0", "1"]), scatter(x=""), scatter(x="%%"), scatter(x=packed(1, 2)), scatter(y=packed(1)), scatter(x=big, y=big), scatter(x=5),
            scatter(classes=base64.b64encode(b"\0\2\1").decode()), scatter(classes=""), scatter(names=["a"]), scatter(names=[5, 6]), scatter(names=["a"] * 1001), scatter(names={}),
            scatter(colors=["red", "#57d98a"]), scatter(colors=["#57d98a"]), scatter(colors=["url(http://HOST/c)", "#57d98a"]), scatter(colors=['#57d98a"x', "#57d98a"]), scatter(wrong="AAAA"), scatter(wrong=[1]),
            scatter(values={}), scatter(values={"name": "a", "at": packed(1), "range": [0, 1], "colors": ["#000000"] * 256}), scatter(values={"name": "a", "at": packed(1, 2, 3), "range": [0, 1], "colors": ["#000000"]}),
            scatter(radius=0), scatter(radius=1e300), scatter(alpha="1"), scatter(alpha=-1), scatter(title=None), scatter(x_label={"a": 1}),
            scatter(thumbnails=few | {"picture": "http://HOST/t"}), scatter(thumbnails=few | {"picture": "javascript:RUN()"}), scatter(thumbnails=few | {"picture": few["picture"].replace("png", "svg+xml") + "x"}),
            scatter(thumbnails=few | {"width": 30}), scatter(thumbnails=few | {"columns": 0}), scatter(thumbnails=few | {"every": 0}), scatter(thumbnails=few | {"every": 4}), scatter(thumbnails=[]),
            {name: value for name, value in scatter().items() if name != "alpha"},
        ]  # fmt: skip
        for data in wrong:
            with self.subTest(str(data)[:200]):
                text = data if isinstance(data, str) else json.dumps(data)
                self.assertIsNone(scatter_data.checked(text))
        report = Report("unlive", notebook(*[code(shown(text_html=plotted(data))) for data in wrong]))
        self.assertEqual(report.failure, "")
        assert_harmless(self, report.html)
        self.assertEqual(self.pieces(report), ([], []))
        self.assertEqual(report.html.count("<img"), len(wrong))

    def test_what_is_added_to_the_data_is_left_out(self):
        evil = scatter(onload="RUN()", __proto__={"a": 1}, title="x" * 9000)
        evil["thumbnails"]["more"] = "http://HOST/m"
        kept = json.loads(scatter_data.checked(json.dumps(evil)))
        self.assertEqual(set(kept), set(scatter()))
        self.assertNotIn("more", kept["thumbnails"])
        self.assertLessEqual(len(kept["title"]), limits.TITLE)


class Names(unittest.TestCase):
    def test_nothing_is_written_outside_the_reports_folder(self):
        names = ["/tmp/labbook-evil.png", "../../evil.png", "..\\evil.png", "..", ".", "", "a/b.png", ".hidden", "x" * 5000, "figure-01.png", "a\0b", "\u202e.png", "A.PNG", "a.png", "~", "con: x"]
        cells = [markdown("\n".join(f"![p](<attachment:{name}>)" for name in names), **{name: {"image/png": PNG} for name in names})]
        report = Report("names", notebook(*cells, code(shown(image_png=MARKED))))
        self.assertEqual(report.failure, "")
        for path in report.new:
            self.assertTrue(path.startswith("names"), path)
        self.assertFalse(os.path.exists("/tmp/labbook-evil.png"))
        for name in report.pictures:
            self.assertRegex(name, r"\A[\w][\w .-]*\Z")
        # The figure is not the attachment that has its name.
        self.assertIn(base64.b64decode(MARKED), report.pictures.values())
        lower = [name.lower() for name in report.pictures]
        self.assertEqual(len(lower), len(set(lower)))

    def test_links_in_the_way_are_replaced_not_followed(self):
        out, victim = FOLDER / "links/out", FOLDER / "victim"
        out.mkdir(parents=True)
        (FOLDER / "victims").mkdir()
        victim.write_text("mine")
        (FOLDER / "victims/mine").write_text("mine")
        for name in ("it.html", "it.md", "it.html.part", "it.md.part"):
            (out / name).symlink_to(victim)
        (out / "it_files").symlink_to(FOLDER / "victims")
        report = Report("links", notebook(code(shown(image_png=PNG))))
        self.assertEqual((report.failure, victim.read_text()), ("", "mine"))
        self.assertEqual(os.listdir(FOLDER / "victims"), ["mine"])
        self.assertEqual(list(report.pictures), ["figure-01.png"])

    def test_names_are_harmless_and_unique(self):
        for given, name in [("../a.png", "a.png"), ("..", "file"), ("", "file"), ("a/b\\c d.png", "c d.png"), (".x", "x"), ("é\n.png", "é.png"), ("नमस्ते", "नमस्ते")]:
            self.assertEqual(file_names.harmless(given), name)
        names = file_names.Names()
        self.assertEqual([names.unique(n) for n in ("a.png", "A.png", "a.png", "b")], ["a.png", "A-2.png", "a-3.png", "b"])


class Pictures(unittest.TestCase):
    def test_only_pictures_of_the_notebooks_folder_come_along(self):
        here, secret = FOLDER / "pictures", FOLDER / "other"
        for folder in (here / "sub", secret):
            folder.mkdir(parents=True)
        (secret / "s.png").write_bytes(base64.b64decode(MARKED))
        (here / "link.png").symlink_to(secret / "s.png")
        (here / "linked").symlink_to(secret)
        (here / "sub/mine.png").write_bytes(png(5, 5))
        (here / "text.png").write_text(SECRET)
        os.mkfifo(here / "pipe.png")
        (here / "evil.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>RUN()</script></svg>")
        absolute = secret / "s.png"
        outside = [
            f"{absolute}", f"file://{absolute}", f"FILE:{absolute}", "../other/s.png", "sub/../../other/s.png", "%2e%2e/other/s.png", "..%2fother%2fs.png", "..\\other\\s.png",
            "..%5cother%5cs.png", "link.png", "linked/s.png", "./linked/../../other/s.png", f"//localhost{absolute}", f"%2f{str(absolute)[1:]}", "/etc/passwd", "/dev/zero", "/proc/self/environ",
            "text.png", "pipe.png", "sub", "evil.svg", "missing.png", "s.png%00", "&#46;&#46;/other/s.png", "\\../other/s.png", "it.ipynb", "attachment:none",
        ]  # fmt: skip
        for form in ("![p](<{}>)", "![p]({})", '<img src="{}">', "![p][r]\n\n[r]: <{}>", 'text <img alt="p" src="{}">'):
            with self.subTest(form):
                report = Report("pictures", notebook(*[markdown(form.format(address)) for address in outside]))
                self.assertEqual((report.failure, report.pictures), ("", {}))
                self.assertNotIn("<img", report.html)
                for text in (report.html, report.md):
                    self.assertNotIn(MARKED, text)
                    self.assertNotIn(SECRET, text)
        for form in ("![p](sub/mine.png)", "![p](sub/../sub/mine.png 'title')", "![p](<sub/mine.png>)", '<img src="sub/mine.png">', "![p](sub%2Fmine.png)"):
            with self.subTest(form):
                report = Report("pictures", notebook(markdown(form)))
                self.assertEqual(list(report.pictures.values()), [png(5, 5)])
                self.assertIn(base64.b64encode(png(5, 5)).decode(), report.html)
                self.assertIn("it_files/mine.png", report.md)

    def test_a_warning_names_the_cell_of_a_picture_that_is_left_out(self):
        report = Report("outside", notebook(markdown("# T"), markdown("![p](/etc/passwd)")))
        self.assertIn("it.ipynb, cell 2: the picture /etc/passwd is outside the notebook's folder", report.said)
        self.assertEqual(report.said.count("/etc/passwd"), 1)


DAMAGED_FILES = [
    (b"", "is empty"), (b"  \n", "is empty"), (b"[]", "holds a list"), (b"5", "holds a number"), (b"null", "holds nothing"), (b"{", "is not JSON"), (b"{}", "does not say its format"),
    (b'{"nbformat": 99, "cells": []}', "format 99"), (b'{"nbformat": "4"}', "does not say"), (b'{"nbformat": 4}', "its cells are nothing"), (b'{"nbformat": 4, "cells": {}}', "cells are an object"),
    (b'{"nbformat": 3, "worksheets": 5}', "cannot be converted"), (b'{"nbformat": 4, "cells": [], "x": "\xff"}', "not UTF-8"), (b"[" * 100_000, "nested too deeply"),
    (b'{"nbformat": 4, "cells": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested too deeply"), (b'{"nbformat": 4, "cells": []}', "no outputs"), (b'{"nbformat": 1' + b"0" * 5000 + b"}", "not JSON"),
]  # fmt: skip

# What an output must not be, and what is said of it.
BAD = [5, None, [5], {"a": 1}, True, 1e300, []]


class Damaged(unittest.TestCase):
    def test_a_file_that_is_no_notebook_gives_a_sentence(self):
        for raw, said in DAMAGED_FILES:
            with self.subTest(raw[:60]):
                report = Report("damaged", raw)
                self.assertTrue(report.failure.startswith("it.ipynb "), report.failure)
                self.assertIn(said, report.failure)

    def test_a_byte_order_mark_is_read(self):
        text = json.dumps(notebook(markdown("# Häuser\n\nstehen")), ensure_ascii=False)
        for encoding in ("utf-8-sig", "utf-16", "utf-32"):
            report = Report("mark", text.encode(encoding))
            self.assertIn("<h1>Häuser</h1>", report.html)

    def test_a_bad_part_is_left_out_and_named_and_the_rest_is_shown(self):
        outputs = [{"output_type": "stream", "name": "stdout", "text": bad} for bad in BAD if bad != []]
        outputs += [shown(**{kind: bad}) for kind in ("text_html", "image_png", "text_plain", "image_svg") for bad in BAD if bad != []]
        outputs += [{"output_type": "error", "ename": bad, "evalue": "", "traceback": []} for bad in BAD if bad != []]
        outputs += [{"output_type": "display_data", "data": bad} for bad in (5, None, [])] + [5, None, "x", {}, {"output_type": []}]
        for picture in ("%%%", PNG[:40], "A", base64.b64encode(png(0, 5)).decode(), base64.b64encode(png(100_000, 100_000)).decode(), base64.b64encode(b"text").decode()):
            outputs.append(shown(image_png=picture))
        outputs += [shown(image_svg=svg) for svg in ("<svg", "<svg><script/></svg>", '<svg xmlns:x="y" x:href="http://x"/>', "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>")]
        cells = [code(printed(f"before {at}\n"), output, printed(f"after {at}\n")) for at, output in enumerate(outputs)]
        report = Report("bad", notebook(*cells))
        self.assertEqual(report.failure, "")
        for at, output in enumerate(outputs):
            with self.subTest(str(output)[:100]):
                self.assertIn(f"it.ipynb, cell {at + 1}: its output 2 is left out", report.said)
                for text in (report.html, report.md):
                    self.assertTrue(f"before {at}" in text and f"after {at}" in text)

    def test_odd_outputs_do_no_harm(self):
        odd = [
            '<img src="data:image/png;base64,%s" width="50%%">' % PNG, '<img src="data:image/png;base64,%s" width="-1" height="x">' % PNG, "<table></table>", "<table><caption>x</caption></table>", "<pre></pre>",
            "<table><tr></tr></table>", '<img src="data:image/png;base64,%%%">', "<table><tr><td colspan=99999999>x</table>", "<table class=labbook><tr><td style='background:rgb(999,999,999)'>x</table>",
            "<table><thead></thead></table>", "",
        ]  # fmt: skip
        metadata = [{"image/png": {"width": "50%", "alt": 5}}, {"image/png": {"width": -1, "alt": None}}, {"image/png": 5}, 5, None, {"image/png": {"width": 0, "alt": "“" * 100_000}}]
        cells = [code(shown(text_html=html)) for html in odd] + [code({**shown(image_png=PNG), "metadata": m}) for m in metadata]
        report = Report("odd", notebook(*cells))
        self.assertEqual(report.failure, "")
        self.assertIn("cell 7", report.said)
        self.assertEqual(report.html.count("<figure"), 2 + len(metadata))

    def test_bad_cells_and_metadata_are_left_out_and_named(self):
        for bad in [5, None, "x", [], {}, {"cell_type": "code", "source": 5}, {"cell_type": [], "source": ""}, {"cell_type": "markdown", "source": {"a": 1}}]:
            report = Report("cells", notebook(markdown("# T"), bad, markdown("stays")))
            self.assertIn("it.ipynb, cell 2: it is left out", report.said)
            self.assertIn("stays", report.html)
        for metadata in ("x", 5, [], None, {"authors": None}, {"authors": 5}, {"author": [None]}, {"title": 5}, {"language": []}, {"labbook": 5}, {"labbook": {"run": 5, "outputs": 1}}):
            content = notebook(markdown("stays")) | {"metadata": metadata}
            self.assertIn("stays", Report("cells", content).html)
        for attachments in (5, [], {"a": 5}, {"a": {"image/png": 5}}, {"a": {"image/png": "%"}}):
            cell = markdown("stays ![x](attachment:a)") | {"attachments": attachments}
            self.assertIn("stays", Report("cells", notebook(cell)).html)

    def test_halves_of_characters_are_written_as_a_mark(self):
        report = Report("halves", notebook(markdown("# a\ud800b"), code(printed("c\udfffd"), shown(text_html="<p>e\ud800f</p>"), source="// g\ud800\nf()"), title="t\ud800"))
        self.assertEqual(report.failure, "")
        self.assertTrue("a\ufffdb" in report.html or "t\ufffd" in report.html)
        self.assertIn("c\ufffdd", report.md)


class Large(unittest.TestCase):
    """Sizes at which anything but linear time would take minutes or hours; what is left out is said."""

    def test_long_markdown_is_read_once(self):
        n = 100_000
        texts = ["`" * n, "```\n" * (n // 4), "~~~\n```\n" * (n // 8), "[" * n, "![" * (n // 2), "](" * (n // 2), "![a](" * (n // 5), "](#" * (n // 3), "# x" + " " * n, "# " + "#" * n, "#" * n, "# " * (n // 2), "<" * n, "<a " * (n // 3),
                 '<a b="' * (n // 6), "<!--" * (n // 4), "\\" * n, "[a]: b\n" * (n // 7), "``a`" * (n // 4), "\n \n" * (n // 3), "![x](a 'b" * (n // 9), "- <a " * (n // 5), "*+-.0" * (n // 5)]  # fmt: skip
        change = Unchanged()
        for text in texts:
            with self.subTest(text[:20]):
                steps = Steps()
                with steps:
                    markdown_text.headings(text), markdown_text.take_title(text), markdown_text.rewritten(text, change)
                self.assertLess(steps.seconds, 20)

    def test_long_html_is_read_once(self):
        n = 60_000
        for piece in ["<div>", "<b>", "<ul><li>", "<p><b>", "<a ", "<a b=c ", "<a href='", "<a\n/", "<!--", "<!", "<?", "<![CDATA[", "<", "&", "&#", "</b>", "<table><tr><td>", "<svg>", "<title>", "<script>", "<td>", "<p x=\"'", "<svg/>"]:
            with self.subTest(piece):
                steps = Steps()
                with steps:
                    html_cleaning.soup(piece * (n // len(piece)))
                self.assertLess(steps.seconds, 20)

    def test_what_is_too_much_is_left_out_and_said(self):
        rows = "<table>" + "<tr>" + "<td>1</td>" * 150 + "</tr>" + "<tr><td>x</td></tr>" * 2_000 + "</table>"
        cells = [
            (code(printed("".join(f"line {i}\n" for i in range(200_000)))), "characters are left out here"),
            (code(printed("y" * 1_000_000)), "more)"), (code(printed("\r" * 300_000 + "z")), ""), (code(shown(text_html=rows)), "1,501 more rows"), (code(shown(text_html=rows)), "50 more columns"),
            (code(*[printed(f"{i}", "stderr" if i % 2 else "stdout") for i in range(700)]), "200 more outputs"), (code(source="f();\n" * 100_000), "more characters, left out"), (markdown("word " * 100_000), "more characters, left out"),
            (code(shown(text_html="<p>a</p>" * 200_000)), "characters are left out here"),
        ]  # fmt: skip
        for cell, said in cells:
            with self.subTest(said):
                report = Report("much", notebook(cell))
                self.assertEqual(report.failure, "")
                self.assertTrue(said in report.html or said in report.md)
                self.assertIn("the end", report.html)
                self.assertLess(len(report.html), 3_000_000)

    def test_a_report_shows_so_many_cells(self):
        report = Report("cells", notebook(*[markdown(f"text {i}") for i in range(10_000)]))
        self.assertIn(f"{10_001 - limits.CELLS:,} more cells, left out here", report.html)
        self.assertIn(f"{10_001 - limits.CELLS:,} more cells", report.md)

    def test_what_a_library_cannot_read_is_shown_as_it_is_written(self):
        before, limits.PATIENCE = limits.PATIENCE, 0.2
        try:
            report = Report("patience", notebook(markdown("\\begin{a}" * 20_000), markdown("## After")))
        finally:
            limits.PATIENCE = before
        self.assertIn("cell 1: its Markdown is shown as it is written", report.said)
        self.assertTrue(r"\begin{a}\begin{a}" in report.html and ">After<" in report.html)


@unittest.skipUnless(BROWSER, "no browser")
class Printed(unittest.TestCase):
    """The page as the browser sees it that prints it, beside a server that waits for a request."""

    def setUp(self):
        self.asked = asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(404)
                self.end_headers()

            do_POST = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_port}"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def hostile(self, text):
        return text.replace("RUN()", f"new Image().src='http://{self.host}/run'").replace("HOST", self.host)

    def test_nothing_is_requested_and_the_page_stays_where_it_is(self):
        cells = [cell for text in HOSTILE_HTML for cell in (code(shown(text_html=self.hostile(text))), markdown(self.hostile(text)))]
        cells += [markdown(self.hostile(text)) for text in HOSTILE_MARKDOWN]
        report = Report("printed", notebook(markdown("# T"), *cells, markdown("## The-very-end")), ["pdf"])
        self.assertEqual((report.failure, self.asked), ("", []))
        # It is our page that was printed, to its end.
        destinations = pdf.heading_pages((report.folder / "out/it.pdf").read_bytes())
        self.assertIn("The-very-end", destinations)

    def test_what_cleaning_would_miss_the_browser_refuses(self):
        template = (TEMPLATES / "report.html.j2").read_text(encoding="utf-8")
        policy = re.search("<meta http-equiv=.Content-Security-Policy.*>", template)[0].replace("{{ digest }}", "none").replace("{% if script %}", "").replace("{% endif %}", "")
        secret = FOLDER / "secret.html"
        secret.write_text(f"<h1 id=secret>{SECRET}</h1><a href=#secret>x</a>")
        body = "".join(self.hostile(text) for text in HOSTILE_HTML if "http-equiv=" not in text and "http-equiv" not in text and "plaintext" not in text)
        pages = {
            "with our policy": f"{policy}{body}<iframe src='{secret.as_uri()}'></iframe><script>{self.hostile('RUN()')}</script>",
            "without one": f"<img src='http://{self.host}/i'><script>{self.hostile('RUN()')}</script>",
            "that leads away": f"<meta http-equiv=refresh content='0;url=http://{self.host}/m'>",
        }
        for name, text in pages.items():
            with self.subTest(name):
                with contextlib.suppress(pdf.NotPrinted):
                    pdf.write(Fixed(text), str(FOLDER / "raw.pdf"), BROWSER, {})
                self.assertEqual(self.asked, [])

    def test_a_plot_comes_alive_and_nothing_else_runs(self):
        evil = '<script>document.title = "taken"</script>' + "".join(HOSTILE_HTML[:40])
        cells = [code(shown(text_html=self.hostile(plotted(scatter()) + evil)))]
        report = Report("alive", notebook(*cells), ["html"])
        page = report.folder / "out/it.html"
        command = [BROWSER, *pdf.OPTIONS, f"--user-data-dir={report.folder}/profile", "--no-sandbox", "--virtual-time-budget=2000", "--dump-dom", page.as_uri()]
        dom = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
        self.assertEqual((dom.count("<canvas"), dom.count('aria-pressed="true"')), (1, 2))
        self.assertIn("&lt;/script&gt;&lt;b&gt;dog", dom)
        self.assertNotIn("<title>taken", dom)
        self.assertEqual(self.asked, [])

    def test_a_page_that_never_ends_is_given_up(self):
        before, limits.PRINTING = limits.PRINTING, 5
        try:
            with self.assertRaisesRegex(pdf.NotPrinted, "within 5 s"):
                pdf.write(Fixed("<script>while (true) {}</script>"), str(FOLDER / "never.pdf"), BROWSER, {})
        finally:
            limits.PRINTING = before
        self.assertFalse((FOLDER / "never.pdf").exists())


class Fixed:
    """A page that is what it is."""

    def __init__(self, text):
        self.text = text

    def render(self, pages, fonts):
        return f"<!DOCTYPE html><meta charset=utf-8>{self.text}"


class Unchanged:
    def picture(self, address, words):
        return words

    def link(self, address):
        return address

    def tag(self, token):
        return ""


class Steps:
    """Seconds of this process's own, so that a busy machine does not count."""

    def __enter__(self):
        self.begin = os.times()

    def __exit__(self, *_):
        now = os.times()
        self.seconds = now.user + now.system - self.begin.user - self.begin.system


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
