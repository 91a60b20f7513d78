"""Prints the page with a browser, and learns from the result on which page each heading is."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

# Nothing but the file given to it; the browser must not go looking for updates.
OPTIONS = [
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
    "--disable-background-networking",
    "--disable-component-update",
]


class NotPrinted(Exception):
    """The browser gave up; its message."""


def write(page, target, browser, fonts):
    """Prints twice: page numbers for the contents are known after the first time."""
    with tempfile.TemporaryDirectory() as folder:
        source, printed = os.path.join(folder, "report.html"), os.path.join(folder, "report.pdf")
        pages = {}
        for _ in range(2):
            pathlib.Path(source).write_text(page.render(pages=pages, fonts=fonts), encoding="utf-8")
            _print(browser, source, printed, folder)
            pages = heading_pages(pathlib.Path(printed).read_bytes())
        shutil.copyfile(printed, target + ".part")
    os.replace(target + ".part", target)


def _print(browser, source, target, folder):
    command = [browser, *OPTIONS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}"]
    if os.geteuid() == 0:
        # Chromium refuses to run as root otherwise; it only opens the file written here.
        command.append("--no-sandbox")
    ended = subprocess.run([*command, pathlib.Path(source).as_uri()], capture_output=True, text=True, errors="replace")
    if ended.returncode != 0 or not os.path.isfile(target):
        raise NotPrinted(f"{browser} could not print the report to PDF:\n{ended.stderr}")


def heading_pages(pdf):
    """Page numbers of a PDF's named destinations, as Chromium writes them: in plain objects."""
    order = re.findall(rb"(\d+) 0 obj\s*<<\s*/Type /Page\b(?!s)", pdf)
    numbers = {reference: page for page, reference in enumerate(order, start=1)}
    found = re.findall(rb"/([^\s/\[\]<>]+) \[(\d+) 0 R /XYZ", pdf)
    return {_name(name): numbers[reference] for name, reference in found if reference in numbers}


def _name(raw):
    """A name of a PDF: bytes outside plain ASCII are written #xx."""
    plain = re.sub(rb"#([0-9A-Fa-f]{2})", lambda code: bytes([int(code.group(1), 16)]), raw)
    return plain.decode("utf-8", "replace")
