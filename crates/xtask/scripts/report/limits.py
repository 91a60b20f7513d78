"""How much a report shows; what is beyond it is left out, and the report says so."""
import contextlib
import signal

# Bytes of a notebook's file.
NOTEBOOK = 500_000_000
# Characters of one printed output (half of them from its end), of one of its lines, of one cell's code
# or Markdown, of the HTML of one output, of a description or a title, and of all that is not a picture.
PRINTED, LINE = 400_000, 4_000
SOURCE = 200_000
HTML = 500_000
DESCRIPTION, TITLE = 4_000, 300
TEXT_OF_ALL = 10_000_000
# Bytes of all pictures.
PICTURES_OF_ALL = 300_000_000
# Cells, outputs of one cell, rows and columns of one table, headings in the contents.
CELLS, OUTPUTS = 2_000, 500
ROWS, COLUMNS = 500, 100
HEADINGS = 1_000
# Seconds of the processor for one output, or the Markdown or the colours of one cell; seconds for the
# browser to print once.
PATIENCE = 20
PRINTING = 300


@contextlib.contextmanager
def patience():
    """Ends with TimeoutError what takes too long: libraries have expressions that some text makes slow."""

    def end(*_):
        raise TimeoutError("takes too long")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def cut(line):
    """A line as long as a title may be."""
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"


def shortened(text, most):
    """A text of one line, cut where it is longer."""
    text = " ".join(text[: 2 * most].split())
    return text if len(text) <= most else text[: most - 1] + "…"


def middle_left_out(text):
    """Printed text without its middle where it is long, and without the ends of long lines."""
    if len(text) > PRINTED:
        head, tail = text[: PRINTED // 2].rpartition("\n"), text[-PRINTED // 2 :].partition("\n")
        first, last = head[0] or head[2], tail[2] or tail[0]
        hidden = len(text) - len(first) - len(last)
        text = f"{first}\n… {hidden:,} characters are left out here; the notebook has them …\n{last}"
    lines = text.split("\n")
    return "\n".join(f"{l[:LINE]}… ({len(l) - LINE:,} more)" if len(l) > LINE else l for l in lines)
