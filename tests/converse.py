"""Talk to a kernel as a notebook does: steps in from standard input, answers out, both JSON.

A step is {"code": TEXT}, and may have
  "interrupt": {"after": TEXT, "times": N}: once TEXT has been printed, the kernel is interrupted N
      times, a second apart;
  "idle": N: before the cell, the kernel is interrupted N times, a second apart;
  "kill": TEXT: once TEXT has been printed, the kernel is killed outright, and another one started for
      the steps that follow;
  "restart": true: no cell; once a spare kernel waits, the kernel is restarted, and the answer's text says
      whether the steps that follow are for the spare one;
  "queued": [TEXT, ...]: cells sent right behind it, as "Run All" does;
  "answer": TEXT: the line to give when the cell reads its standard input;
  "alone": true: the client says that nobody can be asked;
  "hidden": true: the cell is neither counted nor shown;
  "ask": KIND, "content": {...}: no cell, but another request, whose reply is the answer's text, as JSON;
  "attacked": true: before the cell, all ports of the kernel get bytes that are no messages, and
      messages that are signed but malformed.
An answer is {"status": REPLY, "killed" or "restarted", "text": all that was printed or shown as plain text, "shown": the kinds
of messages in their order, printed text once, "queued": what was replied to the queued cells, "count": the
cell's number}.
The kernel writes to standard output too; the answers are the last line.
"""
import json
import os
import pathlib
import queue
import signal
import socket
import sys
import threading
import time

import zmq
from jupyter_client.manager import KernelManager

TIMEOUT = 300
# What a cell wrote to stderr may come after the kernel said that the cell is done.
LATE = 0.2


def interrupt(manager, times):
    for _ in range(times):
        manager.interrupt_kernel()
        time.sleep(1)


def attack(manager):
    """Each connection must end by itself, and nothing else happen."""
    info = manager.get_connection_info(session=False)
    ports = [info[name] for name in info if name.endswith("_port")]
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
    bytes_of = {b"SUB": info["iopub_port"], b"REQ": info["hb_port"]}
    left_open = []
    for port in ports:
        kind = next((kind for kind, own in bytes_of.items() if own == port), b"DEALER")
        ready = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind
        hello = greeting + b"\x04" + bytes([len(ready)]) + ready
        for noise in (
            hello + b"\x02" + (1 << 40).to_bytes(8, "big"),
            hello + b"\x03" + (1 << 62).to_bytes(8, "big"),
            hello + b"\x06" + b"\xff" * 8,
            hello + b"\x01\x00" * 100_000,
            b"GET / HTTP/1.1\r\n\r\n" * 20,
        ):
            with socket.create_connection((info["ip"], port)) as stranger:
                try:
                    stranger.sendall(noise)
                    while stranger.recv(1 << 16):
                        pass
                except OSError:
                    # Hung up in the middle.
                    pass
        half = socket.create_connection((info["ip"], port))
        half.sendall(greeting[:20])
        left_open.append(half)

    session = manager.session
    header = session.msg_header("execute_request")
    parts = [session.pack(part) for part in (header, {}, {}, {"code": "1"})]
    for name in ("shell_port", "control_port", "stdin_port"):
        dealer = zmq.Context.instance().socket(zmq.DEALER)
        dealer.linger = 1000
        dealer.connect(f"tcp://{info['ip']}:{info[name]}")
        for wrong in (b"[]", b'"x"', b"5", b"null", b"", b"[" * 10_000, b"\xff", b"{}"):
            for place in range(4):
                # An empty object is well-formed but for the header.
                if wrong != b"{}" or place == 0:
                    message = parts[:place] + [wrong] + parts[place + 1 :]
                    dealer.send_multipart([b"<IDS|MSG>", session.sign(message), *message])
        dealer.send_multipart([b"<IDS|MSG>", b"0" * 64, *parts])
        dealer.close()
    return left_open


def reply_to(message, receive):
    while True:
        # Asked whether it is ready, the kernel may have answered more than once.
        reply = receive(timeout=TIMEOUT)
        if reply["parent_header"].get("msg_id") == message:
            return reply["content"]


def ask(client, kind, content):
    debugs = kind == "debug_request"
    message = client.session.msg(kind, content)
    (client.control_channel if debugs else client.shell_channel).send(message)
    receive = client.get_control_msg if debugs else client.get_shell_msg
    reply = reply_to(message["header"]["msg_id"], receive)
    return {"status": reply.get("status"), "text": json.dumps(reply), "shown": [], "queued": [], "count": None}


def restart(manager, client):
    """As JupyterLab does, which keeps its connections."""
    folder = pathlib.Path(manager.kernel_spec.argv[1]).parent
    end = time.monotonic() + TIMEOUT
    while not (folder / "spare.socket").exists() and time.monotonic() < end:
        time.sleep(0.1)
    manager.restart_kernel()
    client.wait_for_ready(timeout=TIMEOUT)
    launcher = manager.provisioner.process.pid
    # The spare kernel is the child of another process.
    children = pathlib.Path(f"/proc/{launcher}/task/{launcher}/children").read_text()
    text = "started" if children.strip() else "spare"
    return {"status": "restarted", "text": text, "shown": [], "queued": [], "count": None}


def converse(manager, client, step):
    if "restart" in step:
        return restart(manager, client)
    if "ask" in step:
        return ask(client, step["ask"], step["content"])
    interrupt(manager, step.get("idle", 0))
    strangers = attack(manager) if step.get("attacked") else []
    message = client.execute(
        step["code"],
        silent=step.get("hidden", False),
        # As in a notebook that somebody looks at, unless the cell is to find that nobody can be asked.
        allow_stdin=not step.get("alone", False),
    )
    queued = [client.execute(code) for code in step.get("queued", [])]
    wish = step.get("interrupt")
    text, shown, done = "", [], False
    end = time.monotonic() + TIMEOUT
    while True:
        if "answer" in step and client.stdin_channel.msg_ready():
            client.get_stdin_msg()
            client.input(step["answer"])
        try:
            reply = client.get_iopub_msg(timeout=LATE if done or "answer" in step else TIMEOUT)
        except queue.Empty:
            if done:
                break
            if "answer" in step and time.monotonic() < end:
                continue
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
            return {"status": "killed", "text": text, "shown": shown, "queued": [], "count": None}
    reply = reply_to(message, client.get_shell_msg)
    for stranger in strangers:
        stranger.close()
    return {
        "status": reply["status"],
        "text": text,
        "shown": shown,
        "queued": [reply_to(message, client.get_shell_msg)["status"] for message in queued],
        "count": reply.get("execution_count"),
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
