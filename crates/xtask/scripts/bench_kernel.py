"""Times notebook kernels beside each other; `cargo xtask bench kernel` calls it.

Four kernels take turns: ours, a plain evcxr_jupyter with the same crates, one without any, and a
Python kernel that imports Keras. Everything they write is below the folder that is named, which
holds beforehand:

    copy/       a copy of the clone's crates, of which our kernel's facade is one; it is edited here
    kernel/     our kernel's settings and template for that copy
"""

import argparse
import json
import os
import pathlib
import platform
import queue
import shutil
import signal
import statistics
import sys
import time
import tomllib

from bench_kernel_cells import CELLS

IMPORT = "use labbook::prelude::*;"
TENSOR = "let first = tch::Tensor::randn([2, 3], tch::kind::FLOAT_CPU);"
# The seconds that a plain evcxr may take to compile all it needs.
PATIENCE = 3600
# The crates that are edited, lowest last, and the name under which a cell reaches each.
EDITED = {"labbook": "labbook", "labbook-notebook": "labbook::notebook", "labbook-nn": "labbook::nn"}


def fail(text):
    sys.exit(f"error: {text}")


class Kernel:
    """A kernel to time: its command, what a cell has to do to import and to make a first value."""

    def __init__(self, name, argv, env, folder, imports, first, cells=()):
        self.name, self.folder = name, folder
        self.imports, self.first, self.cells = imports, first, cells
        # What evcxr compiles into; removing it makes a start cold.
        self.state = None
        # Where a kernel waits for the next restart.
        self.spare = None
        spec = {"argv": [str(word) for word in argv], "env": env, "display_name": name, "language": ""}
        file = folder / "jupyter" / "kernels" / name / "kernel.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(spec))

    def start(self, extra=()):
        """One start, with all its cells and `extra` ones; seconds by row and by cell."""
        from jupyter_client.manager import KernelManager

        log = self.folder / f"{self.name}.log"
        with log.open("w") as output:
            begin = time.monotonic()
            manager = KernelManager(kernel_name=self.name)
            manager.start_kernel(cwd=str(self.folder / "copy" / "notebooks"), stdout=output, stderr=output)
            client = manager.client()
            client.start_channels()
            try:
                self.wait(manager, client, log)
                times = {"ready": time.monotonic() - begin}
                self.listen(client)
                for cell in self.imports:
                    self.execute(client, cell)
                if self.imports:
                    times["imported"] = time.monotonic() - begin
                self.execute(client, self.first)
                times["tensor"] = time.monotonic() - begin
                times["cells"] = [self.execute(client, code) for _, code in self.cells]
                for cell in extra:
                    self.execute(client, cell)
            finally:
                client.stop_channels()
                manager.shutdown_kernel(now=True)
        return times

    def restart(self):
        """Seconds from a person's restart in JupyterLab to the first tensor, after a first run of the same."""
        log = self.folder / f"{self.name}.log"
        from jupyter_client.manager import KernelManager

        with log.open("w") as output:
            manager = KernelManager(kernel_name=self.name)
            manager.start_kernel(
                cwd=str(self.folder / "copy" / "notebooks"),
                stdout=output,
                stderr=output,
                # As JupyterLab's server does: ours has a spare kernel there.
                env={**os.environ, "JPY_SESSION_NAME": "notebook.ipynb"},
            )
            client = manager.client()
            client.start_channels()
            try:
                self.wait(manager, client, log)
                self.listen(client)
                for cell in [*self.imports, self.first]:
                    self.execute(client, cell, counted=True)
                if self.spare:
                    for _ in range(PATIENCE):
                        if self.spare.exists():
                            break
                        time.sleep(0.1)
                begin = time.monotonic()
                manager.restart_kernel()
                self.wait(manager, client, log)
                self.listen(client)
                for cell in [*self.imports, self.first]:
                    self.execute(client, cell)
                return {"restarted": time.monotonic() - begin}
            finally:
                client.stop_channels()
                manager.shutdown_kernel(now=True)
                if self.spare:
                    # It outlives the kernel that it was meant for.
                    time.sleep(15)

    def cold(self):
        """A start without what an earlier start left behind."""
        shutil.rmtree(self.state, ignore_errors=True)
        return self.start()

    def wait(self, manager, client, log):
        """Until the kernel answers."""
        client.kernel_info()
        for _ in range(PATIENCE):
            try:
                return client.get_shell_msg(timeout=1)
            except queue.Empty:
                if not manager.is_alive():
                    break
        fail(f"the kernel `{self.name}` did not start; the end of its log:\n{log.read_text()[-2000:]}")

    def listen(self, client):
        """Until the kernel's outputs arrive too: their connection may come about a moment later."""
        for _ in range(100):
            try:
                client.get_iopub_msg(timeout=0.2)
                return
            except queue.Empty:
                client.kernel_info()
                client.get_shell_msg(timeout=60)
        fail(f"the kernel `{self.name}` answers but sends no outputs")

    def execute(self, client, code, counted=False):
        """Seconds from the request to the last word of the answer."""
        begin = time.monotonic()
        message = client.execute(code, store_history=counted)
        problems = []
        while True:
            try:
                reply = client.get_iopub_msg(timeout=PATIENCE)
            except queue.Empty:
                fail(f"the kernel `{self.name}` did not end this cell:\n{code}")
            if reply["parent_header"].get("msg_id") != message:
                continue
            kind, content = reply["header"]["msg_type"], reply["content"]
            if kind == "error":
                problems.append(content.get("evalue", ""))
            # evcxr answers "ok" where a cell has panicked; Python's libraries warn, ours tells what it compiles.
            if kind == "stream" and content["name"] == "stderr" and self.name != "keras":
                problems += [line for line in content["text"].splitlines() if "Compiling" not in line and line]
            if kind == "status" and content["execution_state"] == "idle":
                break
        while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != message:
            pass
        if problems:
            fail(f"a cell failed in the kernel `{self.name}`:\n{code}\n" + "\n".join(problems))
        return time.monotonic() - begin


def kernels(options):
    """Ours, the plain evcxr with the same crates, the one without, and Python."""
    folder = options.folder
    spec = json.loads(options.spec.read_text())
    settings = folder / "kernel" / "settings.json"
    argv = [str(settings) if word.endswith("settings.json") else word for word in spec["argv"]]
    imports = [':dep labbook = { path = "../crates/labbook" }', IMPORT]
    ours = Kernel("labbook", argv, spec["env"], folder, imports, TENSOR, CELLS)
    ours.state = folder / "kernel" / "slots"
    ours.spare = folder / "kernel" / "spare.socket"

    def evcxr(name, env, libraries, imports, first, cells):
        private = folder / name
        (private / "config").mkdir(parents=True, exist_ok=True)
        env |= {
            # evcxr moves a cell's library one folder up, after which it finds Rust's own only by luck.
            "LD_LIBRARY_PATH": ":".join(str(library) for library in [options.std, *libraries]),
            "EVCXR_TMPDIR": str(private / "tmp"),
            "EVCXR_CONFIG_DIR": str(private / "config"),
            # evcxr_jupyter may renew a kernelspec of its own below this path.
            "JUPYTER_PATH": str(private / "none"),
        }
        argv = [options.evcxr, "--control_file", "{connection_file}"]
        kernel = Kernel(name, argv, env, folder, imports, first, cells)
        kernel.state = private / "tmp"
        return kernel

    facade = write_static_facade(folder)
    imports = [f':dep labbook = {{ path = "{facade}" }}', IMPORT]
    plain = evcxr("evcxr", {"LIBTORCH": str(options.torch)}, [options.torch / "lib"], imports, TENSOR, CELLS)
    bare = evcxr("evcxr-alone", {}, [], [], "let first = vec![1, 2, 3];", [])
    private = folder / "keras"
    # jupyter_client has a meaning of its own for the name "python".
    python = Kernel(
        "keras",
        [options.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        {
            "IPYTHONDIR": str(private),
            "KERAS_HOME": str(private),
            "KERAS_BACKEND": "tensorflow",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "",
            "LD_LIBRARY_PATH": "",
        },
        folder,
        ["import keras"],
        "first = keras.random.normal((2, 3))",
    )
    return ours, plain, bare, python


def write_static_facade(folder):
    """The facade as an ordinary library, which is what evcxr expects of a crate, with pinned versions
    of the four libraries. Its source is the copy's."""
    copy = folder / "copy"
    workspace = tomllib.loads((copy / "Cargo.toml").read_text())["workspace"]["dependencies"]
    manifest = tomllib.loads((copy / "crates/labbook/Cargo.toml").read_text())
    packages = tomllib.loads((copy / "Cargo.lock").read_text())["package"]
    locked = {package["name"]: package["version"] for package in packages}
    lines = [
        '[package]\nname = "labbook"\nversion = "0.1.0"\nedition = "2024"\n\n[workspace]\n',
        f'[lib]\npath = "{copy}/crates/labbook/src/lib.rs"\n\n[dependencies]',
    ]
    for name in manifest["dependencies"]:
        # The others are there for the workspace's own build.
        if name not in workspace:
            continue
        wanted = workspace[name]
        if "path" in wanted:
            lines.append(f'{name} = {{ path = "{copy}/{wanted["path"]}" }}')
        else:
            features = json.dumps(wanted.get("features", []))
            lines.append(
                f'{name} = {{ version = "={locked[name]}", default-features = false, features = {features} }}'
            )
    text = "\n".join(lines) + "\n"
    file = folder / "facade" / "Cargo.toml"
    file.parent.mkdir(exist_ok=True)
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
    return file.parent


def dependents(copy, crate):
    """The crates between `crate` and the facade, both included: what an edit has compiled."""
    # Not by the lock file, which names what only tests need, too.
    manifests = [tomllib.loads(file.read_text()) for file in copy.glob("crates/*/Cargo.toml")]
    needs = {m["package"]["name"]: set(m.get("dependencies", {})) for m in manifests}

    def above(name):
        return {name}.union(*(above(other) for other in needs if name in needs[other]))

    def below(name):
        return {name}.union(*(below(other) for other in needs[name] & set(needs)))

    return above(crate) & below("labbook")


def compiled(slots, target, since):
    """The crates whose libraries in the slots are newer than `since`, the cells' own not counted."""
    names = set()
    for file in slots.glob(f"*/target/{target}/debug/deps/*"):
        if file.suffix in {".rlib", ".so", ".rmeta"} and file.stat().st_mtime >= since:
            names.add(file.stem.removeprefix("lib").split("-")[0].replace("_", "-"))
    return {name for name in names if name != "ctx" and not name.startswith("code-")}


def edit(options, ours):
    """Times the start after an edit of each crate, and sees what was compiled for it."""
    crates = options.folder / "copy" / "crates"
    files = {crate: crates / crate / "src" / "lib.rs" for crate in EDITED}
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files.values()}
    print("\nA function added to a crate, then a start, in which it is called after the first tensor:")
    ours.cells, sound = (), True
    try:
        ours.start()
        for number, (crate, module) in enumerate(EDITED.items()):
            since = time.time()
            with files[crate].open("a") as source:
                source.write(f"\n/// Added by the benchmark.\npub fn edit() -> u32 {{\n    {number}\n}}\n")
            times = ours.start([f"assert_eq!({module}::edit(), {number});"])
            found = compiled(ours.state, options.target, since)
            print(f"  {crate:18}{times['tensor']:7.2f} s   compiled: {', '.join(sorted(found))}", flush=True)
            wanted = dependents(options.folder / "copy", crate)
            if found != wanted:
                sound = False
                print(f"{'':21}expected: {', '.join(sorted(wanted))}")
    finally:
        for file, (text, modified) in before.items():
            file.write_bytes(text)
            os.utime(file, ns=(modified, modified))
        # It was compiled from texts that are gone.
        shutil.rmtree(ours.state, ignore_errors=True)
    return sound


def middle(values):
    """Median, and the range in brackets where there is one."""
    if not values:
        return "-"
    text = f"{statistics.median(values):.2f}"
    return text if len(values) < 2 else f"{text} ({min(values):.2f}-{max(values):.2f})"


ROWS = {
    "kernel ready": lambda t: t.get("ready"),
    "... facade imported": lambda t: t.get("imported"),
    "... first tensor": lambda t: t.get("tensor"),
    "restart to first tensor": lambda t: t.get("restarted"),
    "a cell: median of 50": lambda t: t.get("cells") and statistics.median(t["cells"]),
    "a cell: worst of 50": lambda t: t.get("cells") and max(t["cells"]),
    "a cell: worst of labbook's": lambda t: t.get("cells")
    and max(seconds for seconds, (group, _) in zip(t["cells"], CELLS) if group == "ours"),
}

HEADINGS = {
    "ours cold": "labbook, cold",
    "ours warm": "labbook, warm",
    "plain cold": "evcxr, cold",
    "plain warm": "evcxr, warm",
    "bare cold": "evcxr alone, cold",
    "bare warm": "evcxr alone, warm",
    "python warm": "Python and Keras",
}

LEGEND = """\
Seconds: the median over the starts, with the best and the worst. The first three rows count from the
command; the restart from JupyterLab's wish, once the notebook has rested and its spare kernel is ready, if it
has one. Cells have a row for the median and the worst of the fifty.
labbook       our kernel. Cold: the first start after the set-up (or after an edit and a set-up), or one
              beside other kernels: dependencies compiled, but no build folder of its own yet.
evcxr         evcxr_jupyter as released, in its default configuration but with a build folder that stays
              (EVCXR_TMPDIR), and the same crates. Cold: with that folder empty, as at every start
              without the variable.
evcxr alone   the same without any crate: seconds to the first `let`.
Python        ipykernel, `import keras` with TensorFlow, and a first tensor."""


def table(measured):
    shown = {key: heading for key, heading in HEADINGS.items() if measured.get(key)}
    widths = {key: max(18, len(heading) + 2) for key, heading in shown.items()}
    print(f"{'':28}" + "".join(f"{heading:>{widths[key]}}" for key, heading in shown.items()))
    for row, value in ROWS.items():
        line = f"{row:28}"
        for key in shown:
            values = [value(times) for times in measured[key]]
            line += f"{middle([v for v in values if v]):>{widths[key]}}"
        print(line)


def list_cells(measured):
    """Every cell's median seconds, ours and the plain evcxr's."""
    keys = [key for key in ("ours cold", "ours warm", "plain warm") if measured.get(key)]
    print("\n" + "".join(f"{key:>12}" for key in keys) + "  cell")
    for index, (group, code) in enumerate(CELLS):
        line = "".join(
            f"{statistics.median(t['cells'][index] for t in measured[key] if 'cells' in t):12.2f}" for key in keys
        )
        first, *rest = code.splitlines()
        print(f"{line}  {group:9}{first}{' ...' if rest else ''}")


def aims(measured):
    """The aims, and whether the warm starts of our kernel meet them; the slowest cell by name."""
    warm = [times for times in measured["ours warm"] if "cells" in times]
    again = [times["restarted"] for times in measured["ours warm"] if "restarted" in times]
    python = [times["restarted"] for times in measured["python warm"] if "restarted" in times]
    per_cell = [statistics.median(times["cells"][index] for times in warm) for index in range(len(CELLS))]
    own = max((seconds, code) for seconds, (group, code) in zip(per_cell, CELLS) if group == "ours")
    print()
    for what, value, limit in [
        ("warm start to first tensor", statistics.median(times["tensor"] for times in warm), 11.0),
        ("restart to first tensor, beside Python's", statistics.median(again), statistics.median(python)),
        ("median cell", statistics.median(per_cell), 0.30),
        ("slowest cell that only calls labbook", own[0], 1.0),
    ]:
        verdict = "met" if value <= limit else "MISSED"
        print(f"{what}: {value:.2f} s, aim {limit:.2f} s or less: {verdict}")
    print("  that cell: " + own[1].replace("\n", "\n             "))


def main():
    parser = argparse.ArgumentParser()
    for name in ["folder", "spec", "evcxr", "std", "torch", "python"]:
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--cells", action="store_true")
    options = parser.parse_args()
    # Ended from outside, it still ends its kernel and takes its edits back.
    signal.signal(signal.SIGTERM, lambda *_: fail("stopped"))
    # Kernels and connection files are found and kept here alone; nobody's own settings count.
    for variable, place in {"PATH": "jupyter", "RUNTIME_DIR": "runtime", "CONFIG_DIR": "config"}.items():
        os.environ[f"JUPYTER_{variable}"] = str(options.folder / place)
    for variable in list(os.environ):
        if variable.startswith(("CARGO_", "LABBOOK_")) and variable != "CARGO_HOME":
            del os.environ[variable]
    (options.folder / "copy" / "notebooks").mkdir(exist_ok=True)

    ours, plain, bare, python = kernels(options)
    measured = {}

    def note(key, times):
        measured.setdefault(key, []).append(times)
        way, seconds = ("restart", times.get("restarted")) if "restarted" in times else ("start", times["tensor"])
        print(f"  {HEADINGS[key]}: {seconds:.1f} s from {way} to the first tensor", flush=True)

    load = os.getloadavg()[0]
    print(f"{options.starts} starts on {os.cpu_count()} cores ({platform.machine()}), load before {load:.1f}:")
    if options.cold or not plain.state.exists():
        print("  evcxr compiles its dependencies (8 minutes on two cores)", flush=True)
        note("plain cold", plain.cold())
    for _ in range(options.starts):
        note("ours cold", ours.cold())
        note("plain warm", plain.start())
        note("ours warm", ours.start())
        note("bare cold", bare.cold())
        note("bare warm", bare.start())
        note("python warm", python.start())
        note("ours warm", ours.restart())
        note("python warm", python.restart())
    print()
    table(measured)
    print(f"\n{LEGEND}")
    if options.cells:
        list_cells(measured)
    aims(measured)
    if not edit(options, ours):
        fail("not exactly what changed was compiled")


if __name__ == "__main__":
    main()
