"""Takes the README's pictures: an executed notebook in JupyterLab, and its report.

usage: pictures.py FOLDER NOTEBOOK REPORT CHROMIUM JUPYTER-LAB [OPTION]...
"""
import os
import pathlib
import sys

from browser import FIRST, Lab
from playwright.sync_api import sync_playwright

SIZE = {"width": 1200, "height": 800}


def of_notebook(page, lab, notebook, target):
    page.goto(f"{lab.address}/lab/tree/{notebook.name}{lab.token}")
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=FIRST * 1000)
    idle = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    page.wait_for_function(idle, timeout=FIRST * 1000)
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    cells = page.locator(".jp-NotebookPanel .jp-Notebook .jp-CodeCell")
    training = cells.filter(has_text="plot_history")
    training.evaluate("cell => cell.scrollIntoView({ block: 'start' })")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.wait_for_timeout(1000)
    page.screenshot(path=target)


def of_report(page, report, target):
    page.goto(report.as_uri())
    page.wait_for_timeout(1000)
    page.screenshot(path=target)


def main():
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    folder, notebook, report = map(pathlib.Path, sys.argv[1:4])
    chromium, *command = sys.argv[4:]
    lab = Lab(command, folder)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--disable-gpu"], chromium_sandbox=os.geteuid() != 0
            )
            page = browser.new_page(viewport=SIZE)
            of_notebook(page, lab, notebook, folder / "notebook.png")
            of_report(page, report, folder / "report.png")
            browser.close()
    finally:
        lab.stop()


if __name__ == "__main__":
    main()
