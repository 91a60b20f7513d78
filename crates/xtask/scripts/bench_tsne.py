"""t-SNE beside its peers: ours, scikit-learn and openTSNE on the same points, in turns.

usage: bench_tsne.py FOLDER POINTS,POINTS,... COMMAND...

COMMAND runs our side (the example bench_tsne of labbook-analysis); FOLDER keeps data and maps.
A peer runs in a process of its own (`bench_tsne.py peer PROGRAM FOLDER POINTS REPEATS MAP`), so
that no thread pool of one stands in another's way.
"""
import json
import os
import platform
import statistics
import subprocess
import sys
import time

PERPLEXITY, ITERATIONS, EXAGGERATED = 40, 300, 250
FEATURES = 512
PEERS = ["openTSNE", "openTSNE exact", "scikit-learn"]


def samples(folder, points):
    import numpy

    values = numpy.fromfile(f"{folder}/samples.f32", numpy.float32, count=points * FEATURES)
    return values.reshape(points, FEATURES)


def fit(program, data, seed):
    """One fit: seconds, the map. Imports and the reading of the data are not timed."""
    if program == "scikit-learn":
        from sklearn.manifold import TSNE

        model = TSNE(perplexity=PERPLEXITY, max_iter=ITERATIONS, n_jobs=2, random_state=seed)
        start = time.perf_counter()
        return model.fit_transform(data), time.perf_counter() - start
    import openTSNE

    options = {"neighbors": "exact"} if program.endswith("exact") else {}
    model = openTSNE.TSNE(
        perplexity=PERPLEXITY,
        early_exaggeration_iter=EXAGGERATED,
        n_iter=ITERATIONS - EXAGGERATED,
        n_jobs=2,
        random_state=seed,
        **options,
    )
    start = time.perf_counter()
    return model.fit(data), time.perf_counter() - start


def peer(program, folder, points, repeats, path):
    import numpy

    data = samples(folder, int(points))
    if program == "PCA":
        from sklearn.decomposition import PCA

        for _ in range(int(repeats)):
            start = time.perf_counter()
            PCA(3).fit_transform(data)
            print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
        return
    for _ in range(int(repeats)):
        embedding, seconds = fit(program, data, 0)
        print(json.dumps({"seconds": seconds}), flush=True)
    numpy.ascontiguousarray(embedding, numpy.float32).tofile(path)


def lines(command):
    environment = dict(os.environ, OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2", RAYON_NUM_THREADS="2")
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed ({result.returncode})")
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def processor():
    with open("/proc/cpuinfo") as file:
        return next((l.split(":")[1].strip() for l in file if l.startswith("model name")), "?")


def compare(folder, points, ours):
    """Rounds of all programs in turn; the table's rows."""
    rounds, repeats = (4, 5) if points <= 2000 else (2, 2) if points <= 20000 else (1, 1)
    times = {program: [] for program in ["ours", *PEERS]}
    maps = {program: f"{folder}/map-{points}-{program.replace(' ', '-')}.f32" for program in times}
    stages = {}
    for _ in range(rounds):
        for program in times:
            common = [folder, str(points), str(repeats), maps[program]]
            command = [*ours, "fit"] if program == "ours" else [sys.executable, __file__, "peer", program]
            results = lines([*command, *common])
            times[program] += [result["seconds"] for result in results]
            if program == "ours":
                best = min([*results, *stages.get("best", [])], key=lambda r: r["seconds"])
                stages["best"] = [best]
    scores = lines([*ours, "score", folder, str(points), *maps.values()])
    own = min(times["ours"])
    print(f"\n{points} points, {rounds} rounds of {repeats}")
    print(f"{'':16}{'best s':>9}{'median':>9}{'worst':>9}{'/ ours':>8}{'KL':>9}"
          f"{'trust':>8}{'recall':>8}{'1-NN':>8}")
    for (program, seconds), score in zip(times.items(), scores):
        print(f"{program:16}{min(seconds):9.3f}{statistics.median(seconds):9.3f}{max(seconds):9.3f}"
              f"{min(seconds) / own:8.2f}{score['kl']:9.4f}{score['trust']:8.4f}"
              f"{score['recall']:8.4f}{score['accuracy']:8.4f}")
    print("ours until:", ", ".join(
        f"{name} {seconds:.3f}" for name, seconds in
        sorted(stages["best"][0]["until"].items(), key=lambda stage: stage[1])))
    sys.stdout.flush()


def main():
    folder, sizes, *ours = sys.argv[1:]
    sizes = [int(size) for size in sizes.split(",")]
    os.makedirs(folder, exist_ok=True)
    needed = max(sizes) * FEATURES * 4
    path = f"{folder}/samples.f32"
    if not os.path.exists(path) or os.path.getsize(path) < needed:
        print("Training the network whose hidden activations are mapped (about 2 min) ...", flush=True)
        subprocess.run([*ours, "data", folder, str(max(sizes))], check=True)
    import numpy
    import openTSNE
    import sklearn

    print(f"{processor()}, {os.cpu_count()} cores, 2 threads each, load {os.getloadavg()[0]:.1f}; "
          f"Python {platform.python_version()}, numpy {numpy.__version__}, "
          f"scikit-learn {sklearn.__version__}, openTSNE {openTSNE.__version__}")
    with open(f"{folder}/provenance.txt") as file:
        print(file.read())
    print(f"perplexity {PERPLEXITY}, {ITERATIONS} iterations, {EXAGGERATED} of them exaggerated, "
          "seed 0, from principal components; all maps scored by one function on the same affinities")
    for points in sizes:
        compare(folder, points, ours)
    largest = str(max(sizes))
    own = min(result["seconds"] for result in lines([*ours, "pca", folder, largest]))
    other = min(result["seconds"] for result in
                lines([sys.executable, __file__, "peer", "PCA", folder, largest, "5", ""]))
    print(f"\nPCA(3) of {largest} points: ours {own:.3f} s, scikit-learn {other:.3f} s "
          f"({other / own:.2f} times ours)")
    near = [str(points) for points in (2000, 3000, 4000) if points <= max(sizes)]
    if near:
        best = {}
        for result in lines([*ours, "methods", folder, *near]):
            key = (result["points"], result["method"])
            best[key] = min(result["seconds"], best.get(key, result["seconds"]))
        for (points, method), seconds in best.items():
            print(f"repulsion {method:6} at {points} points: {seconds:.3f} s in all")
    oracle = min(10_000, max(sizes))
    for result in lines([*ours, "oracle", folder, str(oracle)]):
        print(f"from the same neighbours at {oracle} points: ours {result['ours']:.3f} s, "
              f"bhtsne {result['bhtsne']:.3f} s")


if __name__ == "__main__":
    if sys.argv[1] == "peer":
        peer(*sys.argv[2:])
    else:
        main()
