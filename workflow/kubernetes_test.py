"""The profile for Kubernetes without a cluster: every job that it renders is checked against the API's schema, and run
by a stand-in for kubectl, which kills some; then the records beside those of a quiet run.

    python workflow/kubernetes_test.py PROGRAM PLANNER

PROGRAM and PLANNER as for slurm_test.py. Needs Snakemake with its executor cluster-generic, and kubernetes-validate. What
it cannot show is how a cluster pulls the image and mounts the volume.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from slurm_test import differing, plan, snakemake

HERE = Path(__file__).parent
KILLED = 3

STUDY = """
name = "few"
program = "example"
metric = "val_loss"
direction = "min"
[settings]
units = [2, 4, 8, 16]
learning_rate = [0.01, 0.1]
epochs = 12
pause = {pause}
"""

# Stands where kubectl does: `create` checks a job and starts its command here, `get` says how it ended.
KUBECTL = '''#!{python}
import json, subprocess, sys
from pathlib import Path
import kubernetes_validate

JOBS = Path({jobs!r})

def ended(name):
    try:
        return (JOBS / name / "code").read_text().strip()
    except FileNotFoundError:
        return None

if sys.argv[1] == "create":
    job = json.load(sys.stdin)
    kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    name = f"labbook-case-{{len(list(JOBS.iterdir())):05}}"
    (JOBS / name).mkdir()
    (JOBS / name / "job.json").write_text(json.dumps(job))
    container = job["spec"]["template"]["spec"]["containers"][0]
    (JOBS / name / "script").write_text(container["command"][2])
    run = f'{{container["command"][0]}} {{JOBS / name / "script"}}; echo $? > {{JOBS / name / "code"}}'
    with open(JOBS / name / "output", "w") as output:
        pod = subprocess.Popen(["/bin/sh", "-c", run], stdout=output, stderr=output, start_new_session=True)
    (JOBS / name / "pod").write_text(str(pod.pid))
    print(f"job.batch/{{name}}")
elif sys.argv[1] == "get":
    name = sys.argv[3]
    code = ended(name)
    print(f"{{name}},{{'1' if code == '0' else ''}},{{'1' if code not in (None, '0') else ''}}", end="")
'''


def kill(pod):
    """Ends a pod at once, as a node does that is lost."""
    (pod / "code").write_text("137")
    try:
        os.killpg(int((pod / "pod").read_text()), 9)
    except ProcessLookupError:
        pass


def main(program, planner):
    folder = Path(tempfile.mkdtemp(prefix="kubernetes-"))
    print("all is in", folder, flush=True)
    quiet, quiet_records = plan(folder / "quiet", planner, STUDY, 0)
    subprocess.run(snakemake(quiet, program, "--cores", "2", "--quiet", "all"), check=True)
    disturbed, records = plan(folder / "disturbed", planner, STUDY, 300)
    (jobs := folder / "jobs").mkdir()
    (stand_in := folder / "bin").mkdir()
    kubectl = stand_in / "kubectl"
    kubectl.write_text(KUBECTL.format(python=sys.executable, jobs=str(jobs)))
    kubectl.chmod(0o755)
    os.environ["PATH"] = f"{stand_in}:{os.environ['PATH']}"
    options = ["--profile", HERE / "profiles/kubernetes", "--latency-wait", "5", "--seconds-between-status-checks", "2"]
    with open(folder / "snakemake.log", "wb") as output:
        engine = subprocess.Popen(snakemake(disturbed, program, *options, "--jobs", "3"), stdout=output, stderr=output)
        killed = set()
        while engine.poll() is None:
            try:
                engine.wait(1)
            except subprocess.TimeoutExpired:
                pass
            # A case that has kept its state once goes on from there.
            states = list(records.glob(".case-*.safetensors"))
            alive = [pod for pod in sorted(jobs.iterdir()) if not (pod / "code").exists() and (pod / "pod").exists()]
            if states and len(alive) > 1 and len(killed) < KILLED and alive[0] not in killed:
                kill(alive[0])
                killed.add(alive[0])
    rendered = [json.loads((pod / "job.json").read_text()) for pod in jobs.iterdir()]
    found = len(list(records.glob("case-*.json")))
    different = differing(quiet_records, records)
    container = rendered[0]["spec"]["template"]["spec"]["containers"][0]
    print(f"{len(rendered)} jobs, each as the API's schema has it, such as {container['resources']}")
    print(f"{found} records of 8; {len(killed)} pods killed; differing: {different}")
    if engine.returncode or found != 8 or different or len(killed) != KILLED:
        sys.exit(f"not as in a quiet run; see {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
