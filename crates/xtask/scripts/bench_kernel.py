"""Time a notebook kernel: ready, facade imported, first tensor, then typical cells.

usage: bench_kernel.py KERNEL [RUNS]
"""
import os
import platform
import statistics
import sys
import time

from jupyter_client.manager import KernelManager

DEPENDENCY = ':dep labbook = { path = "../crates/labbook" }'
IMPORT = "use labbook::prelude::*;"
FIRST = "let first = tch::Tensor::randn([2, 3], tch::kind::FLOAT_CPU);"
CELLS = [
    "let a = 1 + 1;",
    "a * 2",
    "let t = tch::Tensor::ones([3, 3], tch::kind::FLOAT_CPU);",
    "let u = t.matmul(&t);",
    "u.size()",
    "let v = vec![1.0, 2.0, 3.0];",
    "let s: f64 = v.iter().sum();",
    'println!("{s:.3}");',
    "let m = ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]);",
    "m.sum()",
    "let mut model = Sequential::new();",
    "model.add(Dense::new(4).input_shape((3,)));",
    "model.summary()?",
    "let words = \"one two three\".split(' ').map(String::from).collect::<Vec<String>>();",
    "words.len()",
]


def execute(client, code):
    start = time.time()
    message = client.execute(code, store_history=False)
    problem = []
    while True:
        reply = client.get_iopub_msg(timeout=1200)
        if reply["parent_header"].get("msg_id") != message:
            continue
        kind, content = reply["header"]["msg_type"], reply["content"]
        if kind == "error":
            problem.append(content.get("evalue", ""))
        if kind == "stream" and content["name"] == "stderr":
            problem.append(content["text"])
        if kind == "status" and content["execution_state"] == "idle":
            break
    client.get_shell_msg(timeout=60)
    if problem:
        sys.exit(f"the cell `{code}` failed:\n" + "\n".join(problem))
    return time.time() - start


def once(kernel):
    start = time.time()
    manager = KernelManager(kernel_name=kernel)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=600)
    row = {"kernel ready": time.time() - start}
    row["the :dep cell"] = execute(client, DEPENDENCY)
    row["the prelude"] = execute(client, IMPORT)
    row["the first tensor"] = execute(client, FIRST)
    row["start to first tensor"] = time.time() - start
    later = [execute(client, cell) for cell in CELLS]
    row["later cells, median"] = statistics.median(later)
    row["later cells, worst"] = max(later)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return row


def main():
    kernel = sys.argv[1]
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    rows = [once(kernel) for _ in range(runs)]
    print(f"{runs} warm starts on {os.cpu_count()} cores ({platform.machine()}), seconds:")
    print(f"{'':28}{'median':>8}{'worst':>8}")
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"{name:28}{statistics.median(values):8.2f}{max(values):8.2f}")


if __name__ == "__main__":
    main()
