"""Forty cases on a Slurm of this script's own, with jobs cancelled, requeued and killed at random and the controller
restarted meanwhile; then the records beside those of a quiet run.

    python workflow/slurm_test.py PROGRAM PLANNER

PROGRAM runs a case of the study below (crates/labbook-study/tests/program/line.rs, with its libraries found), PLANNER is what
comes before `STUDY.toml` to print its plan (`labbook study plan`). Needs Debian's slurm-wlm and munge, root, Snakemake
with its executor for Slurm. Everything is in one folder, which is told, and every process ends with the script.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
SEED = 7
# Between two disturbances, in seconds.
PAUSE = 1.5
DISTURBANCES = 24
# Longer than this nothing goes well any more, in seconds.
LONGEST = 1500
# Snakemake takes Slurm's variables out of its jobs, which then look here.
PLACE = Path("/etc/slurm/slurm.conf")
# What differs between two runs of one case: times, and where they ran.
TIMES = {"started", "seconds", "device", "threads", "history.seconds", "history.training_seconds"}
TIMES |= {"history.epoch_seconds", "history.epoch_training_seconds"}

STUDY = """
name = "forty"
program = "example"
metric = "val_loss"
direction = "min"
seeds = [0, 1]
[settings]
units = [2, 4, 8, 16]
learning_rate = [1e-3, 3e-3, 0.01, 0.03, 0.1]
epochs = 12
pause = {pause}
"""

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
MailProg=/bin/true
JobRequeue=1
KillWait=10
MinJobAge=7200
SchedulerParameters=sched_interval=1,defer_batch
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=100000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def timeless(value, name=""):
    if isinstance(value, dict):
        inner = ((key, f"{name}.{key}" if name else key) for key in value)
        return {key: timeless(value[key], path) for key, path in inner if path not in TIMES}
    return value


class Cluster:
    def __init__(self, folder):
        self.folder, self.processes = folder, {}
        self.host = host = socket.gethostname().split(".")[0]
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (folder / "slurm.conf").write_text(CONFIGURATION.format(host=host, folder=folder))
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        PLACE.symlink_to(folder / "slurm.conf")
        munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
        munge += [f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed"]
        self.start("munged", munge)
        time.sleep(1)
        self.start("slurmctld", ["slurmctld", "-D"])
        self.start("slurmd", ["slurmd", "-D", "-N", host])

    def start(self, name, command):
        output = open(self.folder / f"{name}.out", "ab")
        self.processes[name] = subprocess.Popen(command, stdout=output, stderr=output)

    def restart_controller(self, crash):
        controller = self.processes["slurmctld"]
        (controller.kill if crash else controller.terminate)()
        controller.wait()
        time.sleep(1)
        self.start("slurmctld", ["slurmctld", "-D"])

    def administer(self):
        """What an administrator does after a crash: a controller that forgot its last seconds finds a job twice, takes the
        node out and holds jobs back; tells what was done."""
        done = []

        def control(*words):
            return subprocess.run(["scontrol", *words], capture_output=True).returncode == 0

        if "drain" in ask("sinfo", "-h", "-o", "%T") and control("update", f"nodename={self.host}", "state=resume"):
            done.append("node taken back")
        for line in ask("squeue", "-h", "-t", "PD", "-o", "%A %r").splitlines():
            job, _, reason = line.partition(" ")
            if "held" in reason.lower() and control("release", job):
                done.append(f"job {job} released")
        return done

    def wait_until_up(self):
        for _ in range(60):
            if ask("sinfo", "-h", "-o", "%T").strip() in ("idle", "mixed"):
                return
            time.sleep(0.5)
        sys.exit(f"Slurm did not start; see {self.folder}")

    def end(self):
        subprocess.run(["scancel", "--user", "root"], capture_output=True)
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        PLACE.unlink()


def ask(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def trainings(records):
    """The processes that run a case of these records, with their cases."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if entry.name.isdigit() and len(words) > 6 and words[1] == "run" and str(records) in words[6]:
            found.append((int(entry.name), words[4]))
    return found


def disturb(cluster, records, chance, log):
    running = ask("squeue", "-h", "-t", "R", "-o", "%A").split()
    # Every eighth, whatever chance says.
    action = "controller" if len(log) % 8 == 7 else chance.choice(["cancel", "requeue", "kill", "kill", "terminate"])
    if action == "controller":
        # It ends as for an update, and every other time as in a crash.
        crash = len(log) % 16 == 15
        cluster.restart_controller(crash)
        log.append(f"controller {'killed' if crash else 'ended'} and started again")
    elif action in ("kill", "terminate"):
        processes = trainings(records)
        if processes:
            process, case = chance.choice(processes)
            try:
                os.kill(process, signal.SIGKILL if action == "kill" else signal.SIGTERM)
                log.append(f"training of case {case} got {'SIGKILL' if action == 'kill' else 'SIGTERM'}")
            except ProcessLookupError:
                pass
    elif running:
        job = chance.choice(running)
        command = ["scancel", job] if action == "cancel" else ["scontrol", "requeue", job]
        if subprocess.run(command, capture_output=True).returncode == 0:
            log.append(f"job {job} {action}ed" if action == "cancel" else f"job {job} requeued")


def plan(folder, planner, study_text, pause):
    folder.mkdir()
    study = folder / "STUDY.toml"
    study.write_text(study_text.format(pause=pause))
    path = folder / "plan.json"
    path.write_text(subprocess.run([*planner.split(), str(study)], capture_output=True, text=True, check=True).stdout)
    return path, Path(json.loads(path.read_text())["records"])


def snakemake(plan, program, *options):
    command = ["snakemake", "--snakefile", HERE / "Snakefile", "--directory", plan.parent, *options]
    return [*map(str, command), "--config", f"plan={plan}", f"program={program}", "mem_mb=500", "minutes=10"]


def differing(quiet_records, records):
    """The records that are not what the quiet run has, times aside."""
    names = []
    for path in sorted(quiet_records.glob("case-*.json")):
        if not (records / path.name).exists():
            names.append(path.name)
            continue
        one, other = (json.loads((place / path.name).read_text()) for place in (quiet_records, records))
        for record in (one, other):
            record["facts"]["settings"].pop("pause")
        if timeless(one) != timeless(other):
            names.append(path.name)
    return names


def main(program, planner):
    if PLACE.is_symlink() or PLACE.exists():
        sys.exit(f"{PLACE} is there: this test is for a machine without a Slurm of its own")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    print("all is in", folder, flush=True)
    quiet, quiet_records = plan(folder / "quiet", planner, STUDY, 0)
    subprocess.run(snakemake(quiet, program, "--cores", "2", "--quiet", "all"), check=True)
    disturbed, records = plan(folder / "disturbed", planner, STUDY, 400)
    cluster, engine, log, mended, chance = Cluster(folder), None, [], [], random.Random(SEED)
    try:
        cluster.wait_until_up()
        os.environ["STUDY_BEGINNINGS"] = str(folder / "beginnings")
        options = ["--profile", HERE / "profiles/slurm", "--slurm-status-command", "squeue"]
        options += ["--slurm-init-seconds-before-status-checks", "5", "--slurm-no-account", "--jobs", "40"]
        with open(folder / "snakemake.log", "wb") as output:
            engine = subprocess.Popen(snakemake(disturbed, program, *options), stdout=output, stderr=output)
            begun = time.monotonic()
            while engine.poll() is None and time.monotonic() - begun < LONGEST:
                time.sleep(PAUSE)
                # Nothing but a crash may need one.
                if "controller killed and started again" in log and (done := cluster.administer()):
                    mended += done
                    print(f"{time.monotonic() - begun:6.1f} s {', '.join(done)} by the administrator", flush=True)
                if len(log) < DISTURBANCES and trainings(records):
                    disturb(cluster, records, chance, log)
                    print(f"{time.monotonic() - begun:6.1f} s", log[-1] if log else "", flush=True)
    finally:
        if engine and engine.poll() is None:
            engine.terminate()
        cluster.end()
    different = differing(quiet_records, records)
    found = len(list(records.glob("case-*.json")))
    beginnings = (folder / "beginnings").read_text().split()
    print(f"{found} records of 40; {len(beginnings)} beginnings; {len(log)} disturbances, "
          f"{len(mended)} mended by hand; differing: {different}")
    if engine.returncode or found != 40 or different:
        sys.exit(f"not as in a quiet run; see {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
