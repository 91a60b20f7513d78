"""Talk to a kernel as a notebook does: steps in from standard input, answers out, both JSON.

A step is {"code": TEXT}, and may have
  "interrupt": {"after": TEXT, "times": N}: once TEXT has been printed, the kernel is interrupted N
      times, a second apart;
  "idle": N: before the cell, the kernel is interrupted N times, a second apart;
  "kill": TEXT: once TEXT has been printed, the kernel is killed outright, and another one started for
      the steps that follow;
  "queued": [TEXT, ...]: cells sent right behind it, as "Run All" does.
An answer is {"status": REPLY or "killed", "text": all that was printed or shown as plain text, "shown": the kinds
of messages in their order, printed text once, "queued": what was replied to the queued cells}.
The kernel writes to standard output too; the answers are the last line.
"""
import json
import os
import queue
import signal
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


def reply_to(client, message):
    while True:
        # Asked whether it is ready, the kernel may have answered more than once.
        reply = client.get_shell_msg(timeout=TIMEOUT)
        if reply["parent_header"].get("msg_id") == message:
            return reply["content"]["status"]


def converse(manager, client, step):
    interrupt(manager, step.get("idle", 0))
    message = client.execute(step["code"])
    queued = [client.execute(code) for code in step.get("queued", [])]
    wish = step.get("interrupt")
    text, shown, done = "", [], False
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
        if kind not in ("status", "execute_input") and (kind != "stream" or shown[-1:] != ["stream"]):
            shown.append(kind)
        if wish and wish["after"] in text:
            threading.Thread(target=interrupt, args=(manager, wish["times"])).start()
            wish = None
        if "kill" in step and step["kill"] in text:
            os.killpg(manager.provisioner.pgid, signal.SIGKILL)
            return {"status": "killed", "text": text, "shown": shown, "queued": []}
    return {
        "status": reply_to(client, message),
        "text": text,
        "shown": shown,
        "queued": [reply_to(client, message) for message in queued],
    }


def start():
    manager = KernelManager(kernel_name=os.environ.get("KERNEL", "labbook"))
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    return manager, client


def end(manager, client):
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def main():
    steps = json.load(sys.stdin)
    answers = []
    manager, client = start()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        for step in steps:
            answers.append(converse(manager, client, step))
            if answers[-1]["status"] == "killed":
                end(manager, client)
                manager, client = start()
                client.wait_for_ready(timeout=TIMEOUT)
        print("\n" + json.dumps(answers), flush=True)
    finally:
        end(manager, client)


if __name__ == "__main__":
    main()
