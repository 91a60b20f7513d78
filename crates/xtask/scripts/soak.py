"""Uses one kernel for a long time and watches its memory: models of several kinds are trained in turn, one of
five is interrupted, one of seven cells fails, and what earlier cells made is made anew.

    soak.py KERNEL MINUTES FOLDER

Writes memory.csv (minutes, cell, megabytes of all the kernel's processes) and memory.png into FOLDER. Fails when
the last quarter needs more than the second one did by a twentieth and what its further cells' code needs.
"""
import os
import statistics
import sys
import time
from pathlib import Path

from jupyter_client.manager import KernelManager

FIRST = """\
:dep labbook
use labbook::prelude::*;
use tch::{Device, Kind, Tensor};
let mut session = Session::start("soak")?;
let rows = Tensor::rand([4000, 20], (Kind::Float, Device::Cpu));
let images = Tensor::rand([600, 24, 24, 3], (Kind::Float, Device::Cpu));
let words = Tensor::randint(50, [600, 20], (Kind::Int64, Device::Cpu));
let (kinds, few_kinds) = (Tensor::randint(4, [4000], (Kind::Int64, Device::Cpu)), Tensor::randint(4, [600], (Kind::Int64, Device::Cpu)));
"""
MODELS = [
    ("rows", "kinds", "model.add(Dense::new(64).activation(Relu));"),
    ("images", "few_kinds", "model.add(Conv2D::new(16, 3).activation(Relu)); model.add(Flatten::new());"),
    ("words", "few_kinds", "model.add(Embedding::new(50, 16)); model.add(LSTM::new(16));"),
    ("rows", "kinds", "model.add(BatchNormalization::new()); model.add(Dense::new(256).activation(Gelu));"),
]
CELL = """\
let mut model = Sequential::new();
%s
model.add(Dense::new(4).activation(Softmax));
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
println!("training");
let history = model.fit(&%s, &%s, &Fit::new().epochs(%d).verbose(2))?;
let guesses = model.predict_classes(&%s)?;
plot_history(&history)?
"""
FAILING = 'model.fit(&rows.narrow(0, 0, 3), &few_kinds, &Fit::new())?;'
DRAWN = """\
let watched = read_csv("memory.csv")?;
let megabytes: Vec<f64> = watched.column("megabytes")?.f64()?.iter().flatten().collect();
LineChart::new("Memory of the kernel, in megabytes").series("cells", &megabytes).x_label("cell").figure()?.save("%s")?;
"""
# What a cell's own library takes, which stays loaded as long as the kernel lives, with room to spare.
OF_A_CELL = 1.0


def megabytes(root):
    """What a process and those that it started hold, shared pages divided among those that share them."""
    parents, total = {}, 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                pass
    for process in parents:
        above = process
        while above not in (root, 0, 1):
            above = parents.get(above, 0)
        if above == root:
            try:
                rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            except (OSError, StopIteration):
                pass
    return total / 1024


def run(client, manager, code, interrupt=False):
    """The reply's status; a cell is interrupted half a second after its training began."""
    asked = client.execute(code)
    while True:
        message = client.get_iopub_msg(timeout=300)
        if message["parent_header"].get("msg_id") != asked:
            continue
        kind, content = message["msg_type"], message["content"]
        if interrupt and kind == "stream" and "training" in content["text"]:
            time.sleep(0.5)
            manager.interrupt_kernel()
            interrupt = False
        if kind == "status" and content["execution_state"] == "idle":
            return client.get_shell_msg(timeout=60)["content"]


def main(kernel, minutes, folder):
    folder = Path(folder)
    os.chdir(folder)
    manager = KernelManager(kernel_name=kernel)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    points, counts, start = [], {"trained": 0, "interrupted": 0, "failed": 0}, time.time()
    try:
        reply = run(client, manager, FIRST)
        if reply["status"] != "ok":
            sys.exit(f"the first cell failed: {reply}")
        number = 0
        while time.time() - start < 60 * minutes:
            number += 1
            x, y, layers = MODELS[number % len(MODELS)]
            stop, fail = number % 5 == 0, number % 7 == 0
            code = FAILING if fail else CELL % (layers, x, y, 1000 if stop else 3, x)
            reply = run(client, manager, code, stop and not fail)
            kind = "failed" if reply["status"] == "error" else "interrupted" if stop else "trained"
            counts[kind] += 1
            if (kind == "failed") != fail:
                sys.exit(f"cell {number} was {kind}: {reply}\n{code}")
            points.append(((time.time() - start) / 60, number, megabytes(manager.provisioner.pid)))
            if number % 20 == 0:
                print(f"{points[-1][0]:5.1f} min, {number} cells: {points[-1][2]:.0f} MB", flush=True)
        (folder / "memory.csv").write_text(
            "minutes,cell,megabytes\n" + "".join("%.3f,%d,%.1f\n" % point for point in points)
        )
        reply = run(client, manager, DRAWN % (folder / "memory.png"))
        if reply["status"] != "ok":
            sys.exit(f"the memory could not be drawn: {reply}")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    quarter = len(points) // 4
    middle = lambda of: statistics.median(memory for _, _, memory in of)
    before, after = middle(points[quarter : 2 * quarter]), middle(points[-quarter:])
    most = 1.05 * before + 2 * quarter * OF_A_CELL
    print(f"{counts}; memory {before:.0f} MB in the second quarter, {after:.0f} MB in the last, at most {most:.0f} MB")
    print(f"drawn in {folder / 'memory.png'}")
    if after > most:
        sys.exit("memory grows")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
