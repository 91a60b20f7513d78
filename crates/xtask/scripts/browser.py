"""Use a notebook in JupyterLab as a person does, in a headless browser.

usage: browser.py FOLDER FACADE CHROMIUM JUPYTER-LAB [OPTION]...

Opens a small notebook, runs all of it, interrupts its long training, looks at the chart, changes a
line, runs that experiment again, and exports. FOLDER gets the notebook, the export and a screenshot
of each step. Exit code 1: something was not as it should be; the last screenshot shows it.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import sync_playwright

# The cells, by what the test calls them. The drawn data, a network that learns within seconds.
CELLS = {
    "dep": ":dep labbook = {{ path = {facade} }}",
    "use": "use labbook::prelude::*;\nuse labbook::paper::{Session, prelude::*};",
    "session": 'let mut session = Session::start("browser")?;\nlet scale = session.scale();\nsession',
    "data": """let cifar = session.load_data()?;
let images = cifar.train.take(1000).images_tensor().to_kind(tch::Kind::Float) / 255.0;
let labels = cifar.train.take(1000).labels_tensor();
cifar""",
    "model": """clear_session();
let mut model = Sequential::new();
model.add(Flatten::new().input_shape((32, 32, 3)));
model.add(Dense::new(32).activation(Relu));
model.add(Dense::new(10).activation(Softmax));
model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), ["accuracy"])?;
model.summary()?""",
    "fit": """let history = model.fit(&images, &labels, &Fit::new().epochs(scale.epochs).batch_size(50))?;
let evaluation = model.evaluate(&images, &labels)?;
session.record(1, &model, &history, &evaluation)?""",
    "chart": "plot_history(&history)?",
    "map": """let places = array_of(&tch::Tensor::randn([1000, 2], tch::kind::FLOAT_CPU))?;
scatter(&places, &labels, &cifar.class_names)?.title("A map").size(700, 420).thumbnails(&cifar.train.take(1000).images)""",
    "live": """let options = Fit::new().epochs(12).batch_size(4).validation_split(0.2).verbose(0);
let watched = model.fit(&images, &labels, &options.callbacks(LivePlot::new()))?;""",
    "long": "let long = model.fit(&images, &labels, &Fit::new().epochs(100_000).batch_size(10))?;",
    "left": 'println!("interrupted: {}, epochs: {}", long.interrupted, long.epoch.len());',
}
CHANGED = ("model.add(Dense::new(32).activation(Relu));", "model.add(Dense::new(48).activation(Relu));")
NAMES = list(CELLS)
# Seconds: for the kernel and its first cell, and for anything else.
FIRST, ROUTINE = 300, 120

SETTINGS = {
    # Else JupyterLab leaves cells out of the page while they are out of view.
    "notebook-extension/tracker": {"windowingMode": "none"},
    # Nothing is asked, and nothing fetched.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


class Wrong(Exception):
    """What was expected, and what there was."""


def expect(truth, sentence):
    if not truth:
        raise Wrong(sentence)


def write_notebook(path, facade):
    title = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# A small notebook"}
    cells = [
        {
            "cell_type": "code",
            "id": name,
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source.format(facade=json.dumps(facade)) if name == "dep" else source,
        }
        for name, source in CELLS.items()
    ]
    kernel = {"name": "labbook", "display_name": "Rust (labbook)", "language": "rust"}
    notebook = {"cells": [title, *cells], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")


class Lab:
    """A JupyterLab with settings of its own, so that a person's are neither used nor changed."""

    def __init__(self, command, folder):
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "LABBOOK_RUNS": "runs",
        }
        environment = os.environ | {name: str(folder / "jupyter" / value) for name, value in own.items()}
        for place, settings in SETTINGS.items():
            file = folder / "jupyter/settings/@jupyterlab" / f"{place}.jupyterlab-settings"
            file.parent.mkdir(parents=True)
            file.write_text(json.dumps(settings), encoding="utf-8")
        environment |= {"LABBOOK_DATA": "drawn", "LABBOOK_SCALE": "smoke"}
        options = [
            f"--ServerApp.root_dir={folder}",
            "--ServerApp.port=0",
            "--ServerApp.open_browser=False",
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--expose-app-in-browser",
        ]
        self.process = subprocess.Popen(
            [*command, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            found = re.search(r"(http://(?:127\.0\.0\.1|localhost):\d+)/lab\S*(\?token=\S+)", line)
            if found:
                break
        expect(self.process.poll() is None and found, "JupyterLab did not start:\n" + "".join(self.said))
        self.address, self.token = found.groups()
        # Somebody has to read on, or the server stops at a full pipe.
        threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


class Notebook:
    """The open notebook; cells are called by their names."""

    def __init__(self, page, folder):
        self.page = page
        self.folder = folder
        self.shots = 0

    def shot(self, name):
        self.shots += 1
        self.page.screenshot(path=self.folder / f"{self.shots}-{name}.png")

    def cell(self, name):
        return self.page.locator(".jp-NotebookPanel .jp-Notebook .jp-CodeCell").nth(NAMES.index(name))

    def prompt(self, name):
        return self.cell(name).locator(".jp-InputPrompt").first.inner_text()

    def output(self, name):
        return self.cell(name).locator(".jp-Cell-outputArea").inner_text()

    def wait(self, what, until, seconds=ROUTINE):
        """Until something is so."""
        end = time.time() + seconds
        while time.time() < end:
            if until():
                return
            self.page.wait_for_timeout(300)
        raise Wrong(f"waited {seconds} s for {what}")

    def look_at(self, name):
        self.cell(name).scroll_into_view_if_needed()

    def finished(self, name):
        return re.fullmatch(r"\[\d+\]:", self.prompt(name).strip()) is not None

    def wait_for(self, name, seconds=ROUTINE):
        self.wait(f"the cell {name!r} to end", lambda: self.finished(name), seconds)

    def command(self, command, arguments=None):
        # Not waited for: running all cells ends when the last one does.
        self.page.evaluate("([c, a]) => { window.jupyterapp.commands.execute(c, a); }", [command, arguments or {}])

    def errors(self):
        seen = self.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")
        seen = seen.or_(self.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"))
        return seen.all_inner_texts()

    def chart(self):
        """Address of the chart's picture and how wide it is shown."""
        self.look_at("chart")
        image = self.cell("chart").locator("img")
        expect(image.count() == 1, f"expected one picture below plot_history, found {image.count()}")
        expect(image.get_attribute("alt"), "the chart has no description")
        return image.get_attribute("src"), image.evaluate("e => e.complete ? e.naturalWidth : 0")


def use_map(notebook):
    """Hovers over the scatter plot, hides a class, zooms in and out."""
    notebook.look_at("map")
    cell = notebook.cell("map")
    canvas, tip = cell.locator("canvas").first, cell.locator("div", has_text=re.compile(r"^.*number \d+"))
    notebook.wait("the live scatter plot", lambda: cell.locator("button[aria-pressed]").count() == 10)
    expect(not cell.locator("img").is_visible(), "the plot's picture is shown beside it")
    box = canvas.bounding_box()

    def look():
        # A point under the pointer has a ring.
        notebook.page.mouse.move(box["x"] - 30, box["y"] - 10)
        return canvas.evaluate("c => c.toDataURL()")

    move = lambda x, y: notebook.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    for step in range(40):
        move(0.3 + step / 200, 0.5)
        if tip.count() and tip.last.is_visible():
            break
    expect(tip.last.is_visible(), "no point of the scatter plot tells its number")
    notebook.shot("map-hover")
    before = look()
    cell.locator("button[aria-pressed]").nth(3).click()
    hidden = lambda: cell.locator("button[aria-pressed=false]").count() == 1 and look() != before
    notebook.wait("a class to be hidden", hidden, 5)
    whole = look()
    move(0.3, 0.4)
    notebook.page.mouse.down()
    move(0.5, 0.6)
    notebook.page.mouse.up()
    notebook.wait("dragging to zoom", lambda: look() != whole, 5)
    notebook.shot("map-zoomed")
    canvas.dblclick(position={"x": box["width"] * 0.05, "y": box["height"] * 0.5})
    notebook.wait("the whole map again", lambda: look() == whole, 5)
    print("hovered over a map, hid a class, zoomed and went back", flush=True)


def use_variables(notebook):
    """Opens the panel of variables, and looks at one."""
    page = notebook.page
    page.locator(".jp-DebuggerBugButton").first.click()
    notebook.command("debugger:show-panel")
    panel = page.locator(".jp-DebuggerVariables")
    row = panel.get_by_text(re.compile("^model:?$")).first
    notebook.wait("the variables", lambda: row.count() > 0 and row.is_visible(), 30)
    told = panel.inner_text()
    for name in ("model", "history", "labels"):
        expect(re.search(rf"\b{name}\b", told), f"the panel lacks {name}:\n{told}")
    row.hover()
    panel.locator("[title='Render variable: model']").click()
    summary = page.locator(".jp-VariableRendererPanel")
    notebook.wait("the model's summary", lambda: "Total params" in "".join(summary.all_inner_texts()))
    notebook.shot("variables")
    page.locator(".jp-DebuggerBugButton").first.click()
    print("listed the variables and looked at one", flush=True)


def steps(page, lab, folder):
    notebook = Notebook(page, folder)
    page.goto(f"{lab.address}/lab/tree/small.ipynb{lab.token}")
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=FIRST * 1000)
    # The page says "idle" before there is a kernel.
    idle = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    page.wait_for_function(idle, timeout=FIRST * 1000)
    page.wait_for_timeout(500)
    notebook.shot("open")
    print("opened", flush=True)

    notebook.command("runmenu:run-all")
    notebook.wait_for("chart", FIRST)
    before, width = notebook.chart()
    expect(width > 300, f"the chart is {width} pixels wide")
    expect("Epoch 10/10" in notebook.output("fit"), "no training of ten epochs:\n" + notebook.output("fit"))
    notebook.shot("chart")
    print("ran as far as the chart", flush=True)

    notebook.wait_for("map", FIRST)
    use_map(notebook)

    live = notebook.cell("live").locator("img")
    notebook.wait("the live figure", lambda: live.count() > 0)
    seen, shown = {live.first.get_attribute("src")}, False
    notebook.look_at("live")
    while not notebook.finished("live"):
        expect(live.count() == 1, f"expected one live figure, found {live.count()}")
        seen.add(live.first.get_attribute("src"))
        if len(seen) == 3 and not shown:
            notebook.shot("live")
            shown = True
        page.wait_for_timeout(200)
    expect(live.count() == 1, f"expected one live figure at the end, found {live.count()}")
    print(f"saw a figure in {len(seen)} states, drawn in one place", flush=True)

    notebook.wait("the long training's third epoch", lambda: "Epoch 3/" in notebook.output("long"))
    notebook.look_at("long")
    expect(notebook.prompt("long").strip() == "[*]:", "the long training is not marked as running")
    notebook.shot("training")
    start = time.time()
    page.click("[data-command='notebook:interrupt-kernel']")
    notebook.wait_for("long")
    print(f"interrupted: the cell ended {time.time() - start:.1f} s later", flush=True)
    # What was queued behind it is called off; run by hand, it finds the variables.
    page.wait_for_timeout(2000)
    expect(notebook.prompt("left").strip() == "[ ]:", "the cell queued behind the interrupted one ran")
    notebook.look_at("left")
    notebook.cell("left").locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    notebook.wait_for("left")
    said = notebook.output("left")
    found = re.search(r"interrupted: true, epochs: (\d+)", said)
    expect(found and int(found.group(1)) < 100_000, f"the interrupted training's history is gone: {said}")
    expect("nterrupted" in notebook.output("long"), "the cell does not say that it was interrupted")
    notebook.look_at("left")
    notebook.shot("interrupted")
    expect(not notebook.errors(), "errors: " + "\n".join(notebook.errors()))

    old, new = CHANGED
    line = notebook.cell("model").locator(".cm-line", has_text=old)
    notebook.look_at("model")
    line.click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text(new)
    numbers = {name: notebook.prompt(name) for name in ("model", "fit", "chart")}
    for name in numbers:
        page.keyboard.press("Shift+Enter")
        again = lambda name=name: notebook.finished(name) and notebook.prompt(name) != numbers[name]
        notebook.wait(f"the cell {name!r} to run again", again)
    # 3,072 inputs and a bias for each of 48 units.
    expect("147504" in notebook.output("model"), "the summary is of the old model:\n" + notebook.output("model"))
    after, width = notebook.chart()
    expect(after != before and width > 300, "the chart is the one from before the change")
    notebook.shot("changed")
    print("changed a line, ran the experiment again: another chart", flush=True)
    expect(not notebook.errors(), "errors: " + "\n".join(notebook.errors()))

    notebook.command("docmanager:save")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty", timeout=ROUTINE * 1000)
    with page.expect_download(timeout=ROUTINE * 1000) as download:
        notebook.command("notebook:export-to-format", {"format": "html"})
        # Newer versions ask what to take out first.
        agree = page.locator(".jp-Dialog .jp-mod-accept")
        try:
            agree.click(timeout=5000)
        except Late:
            pass
    exported = folder / "exported.html"
    download.value.save_as(exported)
    expect(picture(after) in exported.read_text(encoding="utf-8"), "the exported page lacks the new chart")
    saved = json.loads((folder / "small.ipynb").read_text(encoding="utf-8"))
    pictures = json.dumps(saved["cells"][1 + NAMES.index("live")]).count('"image/png"')
    expect(pictures == 1, f"the saved notebook has {pictures} pictures of the live figure")
    chart = saved["cells"][1 + NAMES.index("chart")]
    expect(picture(after) in json.dumps(chart), "the saved notebook lacks the new chart")
    print("saved and exported", flush=True)

    use_variables(notebook)

    notebook.command("apputils:change-theme", {"theme": "JupyterLab Dark"})
    page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    notebook.look_at("session")
    notebook.shot("dark")
    notebook.look_at("live")
    notebook.shot("live-dark")
    notebook.look_at("map")
    notebook.shot("map-dark")


def picture(address):
    """The beginning of a picture's data, enough to tell it from another's."""
    return address.split("base64,")[-1].strip()[:400]


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    folder, facade, chromium, *command = sys.argv[1:]
    folder = pathlib.Path(folder)
    write_notebook(folder / "small.ipynb", facade)
    lab = Lab(command, folder)
    try:
        with sync_playwright() as playwright:
            options = ["--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(
                executable_path=chromium, args=options, chromium_sandbox=os.geteuid() != 0
            )
            page = browser.new_page(viewport={"width": 1400, "height": 1000}, accept_downloads=True)
            try:
                steps(page, lab, folder)
            except (Wrong, Late):
                page.screenshot(path=folder / "failed.png")
                raise
            finally:
                browser.close()
    except (Wrong, Late) as failure:
        sys.exit(f"{failure}\nSee {folder / 'failed.png'}")
    finally:
        lab.stop()


if __name__ == "__main__":
    main()
