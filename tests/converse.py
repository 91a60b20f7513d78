"""Talk to a kernel as a notebook does: steps in from standard input, answers out, both JSON.

A step is {"code": TEXT} with, if it is to be interrupted, "interrupt": {"after": TEXT, "times": N}:
once TEXT has been printed, the kernel is interrupted N times, a second apart.
An answer is {"status": REPLY, "text": all that was printed or shown as plain text}.
The kernel writes to standard output too; the answers are the last line.
"""
import json
import queue
import sys
import threading
import time

from jupyter_client.manager import KernelManager

TIMEOUT = 300
# What a cell wrote to stderr may come after the kernel said that the cell is done.
LATE = 0.2


def interrupt(manager, times):
    for _ in range(times):
        manager.interrupt_kernel()
        time.sleep(1)


def converse(manager, client, step):
    message = client.execute(step["code"])
    wish = step.get("interrupt")
    text, done = "", False
    while True:
        try:
            reply = client.get_iopub_msg(timeout=LATE if done else TIMEOUT)
        except queue.Empty:
            if done:
                break
            raise
        if reply["parent_header"].get("msg_id") != message:
            continue
        kind, content = reply["header"]["msg_type"], reply["content"]
        if kind == "stream":
            text += content["text"]
        elif kind == "error":
            text += "\n".join(content["traceback"])
        elif kind in ("execute_result", "display_data"):
            text += content["data"].get("text/plain", "")
        elif kind == "status" and content["execution_state"] == "idle":
            done = True
        if wish and wish["after"] in text:
            threading.Thread(target=interrupt, args=(manager, wish["times"])).start()
            wish = None
    while True:
        # Asked whether it is ready, the kernel may have answered more than once.
        reply = client.get_shell_msg(timeout=TIMEOUT)
        if reply["parent_header"].get("msg_id") == message:
            return {"status": reply["content"]["status"], "text": text}


def main():
    steps = json.load(sys.stdin)
    manager = KernelManager(kernel_name="labbook")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        answers = [converse(manager, client, step) for step in steps]
        print("\n" + json.dumps(answers), flush=True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
