"""Write an executed notebook as a report: one HTML page, a PDF, or Markdown with its figures beside it.

usage: render.py NOTEBOOK SETTINGS

SETTINGS is a JSON object:
  html, pdf, md   where to write each; a format without a path is not written
  templates       folder of the templates
  fonts           {weight: file}: what the PDF is set in
  browser         the program that prints
  run             {name: value} of the run that has just ended, to be kept in the notebook;
                  null: the notebook was run earlier, and what is known of it is in the notebook
  session         file with what the notebook said about its run: lines of name, tab, value
  folder          the notebook's folder, which its pictures are relative to
"""
import base64
import datetime
import hashlib
import json
import os
import pathlib
import sys

import document
import files
import limits
import markdown_report
import notebook_file as notebooks
import pdf
from html_report import Page

# The order in which a reader asks; what else a session says is of use to its author only.
ASKED = ["Date", "Report written", "Data", "Scale", "Hardware", "Seed", "Versions", "Project", "Run time"]


def facts_of(notebook, kept):
    """Names and values of what is known of the run."""
    known = document.facts_in(notebook)
    run = kept.get("run")
    # A notebook that was run again by hand since has nothing but its outputs to go by.
    if isinstance(run, dict) and kept.get("outputs") == digest(notebook):
        known |= run
    if "Date" not in known:
        known["Report written"] = today()
    named = {{"Device": "Hardware"}.get(name, name): value for name, value in known.items()}
    facts = [(name, named[name]) for name in ASKED if isinstance(named.get(name), str)]
    return [(name, limits.shortened(notebooks.plain(value), limits.DESCRIPTION)) for name, value in facts if value]


def today():
    return datetime.date.today().isoformat()


def digest(notebook):
    """Tells the outputs of one run from those of another."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def told(session):
    if not os.path.exists(session):
        return {}
    lines = pathlib.Path(session).read_text(encoding="utf-8", errors="replace").splitlines()
    return dict(line.split("\t", 1) for line in lines if "\t" in line)


def read(source, settings, warn):
    """The document; what a run told about itself is kept in the notebook."""
    content = notebooks.load(source)
    notebook = notebooks.repaired(content, warn)
    if settings["run"] is not None:
        run = {"Date": today()} | settings["run"] | told(settings["session"])
        metadata = content.setdefault("metadata", {})
        metadata["labbook"] = notebook["metadata"]["labbook"] = {"run": run, "outputs": digest(notebook)}
        files.write(source, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    elif not any(cell.get("outputs") for cell in notebook["cells"]):
        raise notebooks.Unreadable(
            f"{os.path.basename(source)} has no outputs; run it in JupyterLab and save it, or leave --no-run away"
        )
    kept = notebook["metadata"].get("labbook")
    facts = facts_of(notebook, kept if isinstance(kept, dict) else {})
    return document.read(notebook, facts, warn)


class Warnings:
    """Tells each only once, however many formats are written, and not endlessly many."""

    MOST = 100

    def __init__(self, name):
        self.name = name
        self.told = set()

    def __call__(self, cell, text):
        if (cell, text) in self.told or len(self.told) > self.MOST:
            return
        self.told.add((cell, text))
        line = f"{self.name}, cell {cell}: {text}" if len(self.told) <= self.MOST else "there are more warnings"
        print(f"warning: {printable(line)}", file=sys.stderr)


def printable(text):
    """Text for a terminal, which control characters could make do things."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def write(source, settings):
    warn = Warnings(os.path.basename(source))
    content = read(source, settings, warn)
    if "html" in settings or "pdf" in settings:
        page = Page(content, settings["templates"], settings["folder"], warn)
        for link in page.broken_links()[:20]:
            print(f"warning: the notebook's link {printable(limits.shortened(link, 100))} leads nowhere", file=sys.stderr)
    if "html" in settings:
        files.write(settings["html"], page.render().encode())
    if "pdf" in settings:
        fonts = {w: base64.b64encode(pathlib.Path(f).read_bytes()).decode() for w, f in settings["fonts"].items()}
        pdf.write(page, settings["pdf"], settings["browser"], fonts)
    if "md" in settings:
        markdown_report.write(content, settings["md"], settings["folder"], warn)


# What ends a report with a sentence.
FAILURES = (notebooks.Unreadable, pdf.NotPrinted)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        write(sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")))
    except FAILURES as failure:
        sys.exit(printable(str(failure)))
    except OSError as failure:
        sys.exit(printable(f"the report cannot be written: {failure}"))


if __name__ == "__main__":
    main()
