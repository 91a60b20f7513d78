"""Run a notebook through its kernel, cell by cell, telling the terminal what happens.

usage: execute.py NOTEBOOK OUT KERNEL

The kernel answers "ok" to a cell that panicked or whose `?` failed, so the cell's outputs decide:
an error output, a panic or an error message on stderr end the run. Exit code 3: a cell failed.
"""
import asyncio
import html
import os
import queue
import re
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

import files
import notebook_file as notebooks
from markdown_text import headings

ANSI = re.compile(r"\x1b\[[0-9;]*m")
# A figure as the notebook crate shows it: its PNG a second time, with a width and a description.
FIGURE = re.compile(r'^\s*<img alt="([^"]*)" width="(\d+)"[^>]*src="data:image/png;base64,[^"]*">\s*$')
# libtorch's own warnings look like "[W1122 10:00:00 File.cpp:1] Warning: ...".
HARMLESS = re.compile(r"^\s*$|^\[W|^\s+at |Warning")


class CellFailed(Exception):
    pass


# Seconds after a cell's end in which the kernel may still send what the cell wrote to stderr.
LATE = 0.1


class Runner(NotebookClient):
    async def take_late_output(self, cell, cell_index):
        """nbclient drops what comes after the kernel said "idle", and error messages do."""
        while True:
            try:
                message = await self.kc.iopub_channel.get_msg(timeout=LATE)
            except queue.Empty:
                return
            if message["header"]["msg_type"] == "stream":
                self.output(cell.outputs, message, None, cell_index)

    def output(self, outs, msg, display_id, cell_index):
        content = msg["content"]
        if msg["header"]["msg_type"] == "stream" and content.get("name") == "stdout":
            sys.stdout.write("    " + content["text"].rstrip("\n").replace("\n", "\n    ") + "\n")
            sys.stdout.flush()
        return super().output(outs, msg, display_id, cell_index)


def name_of(cell, heading):
    lines = [l for l in cell.source.splitlines() if l.strip() and not l.startswith("//")]
    first = lines[0] if lines else "(empty)"
    return f"{heading}: {first[:60]}" if heading else first[:60]


def complaint(cell):
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            return ANSI.sub("", "\n".join(output.get("traceback", [])) or output.get("evalue", ""))
        if output.output_type == "stream" and output.name == "stderr":
            text = ANSI.sub("", output.text)
            lines = [l for l in text.splitlines() if not HARMLESS.search(l)]
            if lines:
                return text
    return None


def keep_one_form(cell):
    """A saved figure needs its PNG once; width and description have places in the file format."""
    for output in cell.outputs:
        data = output.get("data", {})
        found = FIGURE.match(data.get("text/html", "")) if "image/png" in data else None
        if found:
            del data["text/html"]
            alt, width = html.unescape(found.group(1)), int(found.group(2))
            output.metadata["image/png"] = {"alt": alt, "width": width}


def number(cell, count):
    """Count from 1; the kernel has counted a line of its own before."""
    cell.execution_count = count
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = count


def runnable(path):
    """The notebook as nbclient expects it, without outputs; what is no cell is left out, and named."""
    content = notebooks.load(path)
    name = os.path.basename(path)
    repaired = notebooks.repaired(content, lambda cell, text: print(f"warning: {name}, cell {cell}: {text}", flush=True))
    cells = []
    for cell in repaired["cells"]:
        whole = content["cells"][cell["at"] - 1]
        metadata = whole.get("metadata")
        fresh = {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {}
        # What the report does not read stays as it is.
        cells.append(whole | {"source": cell["source"], "metadata": metadata if isinstance(metadata, dict) else {}} | fresh)
    return nbformat.from_dict(content | {"cells": cells, "metadata": repaired["metadata"]})


async def run(notebook_path, out_path, kernel):
    notebook = runnable(notebook_path)
    folder = os.path.dirname(os.path.abspath(notebook_path))
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    for cell in code:
        cell.outputs, cell.execution_count = [], None
    client = Runner(
        notebook,
        timeout=None,
        startup_timeout=600,
        iopub_timeout=30,
        coalesce_streams=True,
        record_timing=False,
        kernel_name=kernel,
        resources={"metadata": {"path": folder}},
    )
    heading, done, failed = "", 0, None
    begin = time.time()
    async with client.async_setup_kernel():
        print(f"kernel ready after {time.time() - begin:.0f} s", flush=True)
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "markdown":
                found = headings(cell.source)
                heading = found[-1][1] if found else heading
                continue
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            done += 1
            name = name_of(cell, heading)
            print(f"[{done}/{len(code)}] {name}", flush=True)
            start = time.time()
            try:
                await client.async_execute_cell(cell, index)
                await client.take_late_output(cell, index)
            except (CellExecutionError, DeadKernelError) as error:
                failed = (name, complaint(cell) or str(error))
            else:
                message = complaint(cell)
                failed = (name, message) if message else None
            if failed:
                break
            number(cell, done)
            keep_one_form(cell)
            seconds = time.time() - start
            if seconds >= 2:
                print(f"    {seconds:.0f} s", flush=True)
    files.write(out_path, (nbformat.writes(notebook) + "\n").encode())
    if failed:
        raise CellFailed(f'the cell "{failed[0]}" failed:\n\n{failed[1].strip()}')
    print(f"{len(code)} cells in {time.time() - begin:.0f} s", flush=True)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        asyncio.run(run(*sys.argv[1:]))
    except notebooks.Unreadable as failure:
        sys.exit(str(failure))
    except CellFailed as failure:
        print(f"\n{failure}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
