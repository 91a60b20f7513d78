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

import nbformat

import document
import markdown_report
import pdf
from html_report import Page

# The order in which a reader asks; what else a session says is of use to its author only.
ASKED = ["Date", "Report written", "Data", "Scale", "Hardware", "Seed", "Versions", "Project", "Run time"]


def facts_of(notebook, run, session):
    """Names and values of what is known of the run."""
    today = datetime.date.today().isoformat()
    outputs = digest(notebook)
    if run is not None:
        notebook.metadata["labbook"] = {"run": {"Date": today} | run | told(session), "outputs": outputs}
    kept, known = notebook.metadata.get("labbook", {}), document.facts_in(notebook)
    # A notebook that was run again by hand since has nothing but its outputs to go by.
    if kept.get("outputs") == outputs:
        known |= kept["run"]
    if "Date" not in known:
        known["Report written"] = today
    named = {{"Device": "Hardware"}.get(name, name): value for name, value in known.items()}
    return [(name, named[name]) for name in ASKED if named.get(name)]


def digest(notebook):
    """Tells the outputs of one run from those of another."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def told(session):
    if not os.path.exists(session):
        return {}
    lines = pathlib.Path(session).read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines if "\t" in line)


def save(path, text):
    pathlib.Path(path + ".part").write_text(text, encoding="utf-8")
    os.replace(path + ".part", path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source = sys.argv[1]
    settings = json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
    notebook = nbformat.read(source, as_version=4)
    facts = facts_of(notebook, settings["run"], settings["session"])
    if settings["run"] is not None:
        save(source, nbformat.writes(notebook) + "\n")
    content = document.read(notebook, facts)
    if "html" in settings or "pdf" in settings:
        page = Page(content, settings["templates"], settings["folder"])
        for link in page.broken_links():
            print(f"warning: the notebook's link {link} leads nowhere", file=sys.stderr)
    if "html" in settings:
        save(settings["html"], page.render())
    if "pdf" in settings:
        fonts = {w: base64.b64encode(pathlib.Path(f).read_bytes()).decode() for w, f in settings["fonts"].items()}
        pdf.write(page, settings["pdf"], settings["browser"], fonts)
    if "md" in settings:
        markdown_report.write(content, settings["md"], settings["folder"])


if __name__ == "__main__":
    try:
        main()
    except pdf.NotPrinted as failure:
        sys.exit(str(failure))
