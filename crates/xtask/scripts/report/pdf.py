"""Prints the page with a browser, and learns from the result on which page each heading is."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile

import files
import limits

# Nothing but the file given to it: no address has a machine behind it, the way out is closed, and the
# browser must not go looking for updates.
OPTIONS = [
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    # A port where nobody listens; also for this machine's own addresses.
    "--proxy-server=http://127.0.0.1:1",
    "--proxy-bypass-list=<-loopback>",
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
        files.write(target, pathlib.Path(printed).read_bytes())


def _print(browser, source, target, folder):
    command = [browser, *OPTIONS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}"]
    if os.geteuid() == 0 or os.environ.get("LABBOOK_CONTAINER"):
        # Chromium refuses to run as root otherwise, and in a container, which is a sandbox itself, it cannot
        # make one; it only opens the file written here.
        command.append("--no-sandbox")
    log = pathlib.Path(folder, "log")
    with log.open("wb") as sink:
        # In a group of its own: the browser is several processes, and all of them have to end.
        running = subprocess.Popen(
            [*command, pathlib.Path(source).as_uri()],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip
        try:
            status = running.wait(timeout=limits.PRINTING)
        except subprocess.TimeoutExpired as error:
            raise NotPrinted(
                f"{browser} did not print the report within {limits.PRINTING} s; write it with --format html"
            ) from error
        finally:
            _end(running)
    if status != 0 or not os.path.isfile(target):
        said = log.read_text(encoding="utf-8", errors="replace")[-4000:]
        raise NotPrinted(f"{browser} could not print the report to PDF:\n{said}")


def _end(running):
    """Ends what is left of a browser."""
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    running.wait()


def heading_pages(pdf):
    """Page numbers of a PDF's named destinations, as Chromium writes them: in plain objects."""
    order = re.findall(rb"(\d{1,9}) 0 obj\s{0,9}<<\s{0,9}/Type /Page\b(?!s)", pdf)
    numbers = {reference: page for page, reference in enumerate(order, start=1)}
    found = re.findall(rb"/([^\s/\[\]<>]+) \[(\d{1,9}) 0 R /XYZ", pdf)
    return {_name(name): numbers[reference] for name, reference in found if reference in numbers}


def _name(raw):
    """A name of a PDF: bytes outside plain ASCII are written #xx."""
    plain = re.sub(rb"#([0-9A-Fa-f]{2})", lambda code: bytes([int(code.group(1), 16)]), raw)
    return plain.decode("utf-8", "replace")
