"""Write an executed notebook as one self-contained HTML file.

usage: render.py NOTEBOOK SESSION HTML TEMPLATES RUN_TIME

SESSION holds what the notebook said about its run: lines of name, tab, value.
"""
import datetime
import os
import re
import sys

import nbformat
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter
from traitlets.config import Config


def facts(path, run_time):
    rows = [("Date", datetime.date.today().isoformat())]
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            rows += [line.rstrip("\n").split("\t", 1) for line in file if "\t" in line]
    return rows + [("Run time", run_time)]



def contents(notebook):
    """The headings of levels 2 and 3; nbconvert derives each anchor from the heading's text."""
    entries = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for marks, text in re.findall(r"^(##+) (.*)$", cell.source, re.M):
                if len(marks) <= 3:
                    entries.append((len(marks), text.strip(), text.strip().replace(" ", "-")))
    return entries


def take_title(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.search(r"^# (.*)\n?", cell.source, re.M)
            if found:
                cell.source = cell.source[: found.start()] + cell.source[found.end() :]
                return found.group(1)
    return "Notebook"


def main():
    source, session, target, templates, run_time = sys.argv[1:]
    notebook = nbformat.read(source, as_version=4)
    title = take_title(notebook)
    config = Config()
    config.HTMLExporter.extra_template_basedirs = [templates]
    config.HTMLExporter.template_name = "labbook"
    exporter = HTMLExporter(config=config)
    with open(os.path.join(templates, "labbook", "report.css"), encoding="utf-8") as file:
        style = file.read()
    resources = {
        "report": {
            "title": title,
            "facts": facts(session, run_time),
            "contents": contents(notebook),
            "style": style + HtmlFormatter(style="default").get_style_defs(".highlight"),
        }
    }
    body, _ = exporter.from_notebook_node(notebook, resources=resources)
    partial = target + ".part"
    with open(partial, "w", encoding="utf-8") as file:
        file.write(body)
    os.replace(partial, target)


if __name__ == "__main__":
    main()
