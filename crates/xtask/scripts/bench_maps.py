"""Maps and components beside their peers, on the same samples, in turns.

usage: bench_maps.py FOLDER POINTS,POINTS,... IMAGES,... COMMAND...

COMMAND runs our side (the example bench_maps of labbook-analysis); FOLDER keeps data and maps;
IMAGES are folders with MNIST's files. A peer runs in a process of its own
(`bench_maps.py peer PROGRAM FOLDER POINTS REPEATS MAP`), so that no thread pool of one stands in
another's way. Every program is called once before it is timed, on few samples, so that what is
compiled or loaded at a first call is not timed.
"""
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import time

PERPLEXITY, ITERATIONS, EXAGGERATED = 40, 300, 250
OURS = "ours"
TSNE = ["scikit-learn-intelex", "openTSNE", "scikit-learn"]
COMPONENTS = ["scikit-learn-intelex", "scikit-learn"]
SHAPES = [(1000, 50), (50_000, 512), (2000, 20_000)]
# Beyond this many points scikit-learn's own t-SNE takes minutes.
PATIENCE = 20_000
WARM = 300


def samples(folder, points):
    import numpy

    with open(f"{folder}/features.txt") as file:
        features = int(file.read())
    values = numpy.fromfile(f"{folder}/samples.f32", numpy.float32, count=points * features)
    return values.reshape(points, features)


def write(folder, rows, labels):
    import numpy

    os.makedirs(folder, exist_ok=True)
    numpy.ascontiguousarray(rows, numpy.float32).tofile(f"{folder}/samples.f32")
    labels.astype(numpy.uint8).tofile(f"{folder}/labels.u8")
    with open(f"{folder}/features.txt", "w") as file:
        file.write(str(rows.shape[1]))
    return len(rows)


def maker(program):
    """A function from samples to a map."""
    if "intelex" in program:
        from sklearnex import patch_sklearn

        patch_sklearn(verbose=False)
    kind, _, name = program.partition(": ")
    if kind == "pca":
        from sklearn.decomposition import PCA

        def components(data):
            model = PCA(3)
            model.fit_transform(data)
            return float(model.explained_variance_ratio_.sum())

        return components
    if kind == "tsne" and name == "openTSNE":
        import openTSNE

        return openTSNE.TSNE(
            perplexity=PERPLEXITY,
            early_exaggeration_iter=EXAGGERATED,
            n_iter=ITERATIONS - EXAGGERATED,
            n_jobs=2,
            random_state=0,
        ).fit
    if kind == "tsne":
        from sklearn.manifold import TSNE

        return TSNE(
            perplexity=PERPLEXITY, max_iter=ITERATIONS, n_jobs=2, random_state=0
        ).fit_transform
    if name == "umap-learn":
        import umap

        # Without a seed, which would leave it one thread.
        return lambda data: umap.UMAP(n_jobs=2).fit_transform(data)
    import pacmap

    # A fitted one would use its pairs again.
    return lambda data: pacmap.PaCMAP().fit_transform(data)


def peer(program, folder, points, repeats, path):
    import warnings

    import numpy

    warnings.filterwarnings("ignore")
    data = samples(folder, int(points))
    make = maker(program)
    if len(data) > WARM:
        make(data[:WARM].copy())
    for _ in range(int(repeats)):
        start = time.perf_counter()
        result = make(data)
        seconds = time.perf_counter() - start
        ratio = result if isinstance(result, float) else None
        print(json.dumps({"seconds": seconds, "ratio": ratio}), flush=True)
    if ratio is None:
        numpy.ascontiguousarray(result, numpy.float32).tofile(path)


def lines(command):
    environment = dict(os.environ)
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"):
        environment[f"{library}_NUM_THREADS"] = "2"
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed ({result.returncode})")
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def processor():
    with open("/proc/cpuinfo") as file:
        return next((l.split(":")[1].strip() for l in file if l.startswith("model name")), "?")


def timed(ours, kind, program, folder, points, repeats, path):
    common = [folder, str(points), str(repeats)]
    if program == OURS and kind == "pca":
        return lines([*ours, "pca", *common])
    if program == OURS:
        return lines([*ours, "fit", kind, *common, path])
    return lines([sys.executable, __file__, "peer", f"{kind}: {program}", *common, path])


def compare(ours, kind, peers, folder, name, points):
    """Rounds of all programs in turn; the table's rows."""
    rounds, repeats = (3, 4) if points <= 2000 else (2, 1) if points <= 20_000 else (1, 1)
    programs = [OURS, *(p for p in peers if p != "scikit-learn" or points <= PATIENCE)]
    times = {program: [] for program in programs}
    maps = {p: f"{folder}/{kind}-{points}-{p.replace(' ', '-')}.f32" for p in programs}
    best = None
    for _ in range(rounds):
        for program in programs:
            results = timed(ours, kind, program, folder, points, repeats, maps[program])
            times[program] += [result["seconds"] for result in results]
            if program == OURS:
                found = min(results, key=lambda result: result["seconds"])
                best = min([found, best or found], key=lambda result: result["seconds"])
    scores = lines([*ours, "score", folder, str(points), *maps.values()])
    own = min(times[OURS])
    print(f"\n{kind}, {points} of {name}, {rounds} rounds of {repeats}")
    print(f"{'':22}{'best s':>9}{'median':>9}{'worst':>9}{'/ ours':>8}{'KL':>9}"
          f"{'trust':>8}{'recall':>8}{'1-NN':>8}")
    for (program, seconds), score in zip(times.items(), scores):
        print(f"{program:22}{min(seconds):9.3f}{statistics.median(seconds):9.3f}{max(seconds):9.3f}"
              f"{min(seconds) / own:8.2f}{score['kl']:9.4f}{score['trust']:8.4f}"
              f"{score['recall']:8.4f}{score['accuracy']:8.4f}")
    if best["until"]:
        stages = sorted(best["until"].items(), key=lambda stage: stage[1])
        print("ours until:", ", ".join(f"{stage} {seconds:.3f}" for stage, seconds in stages))
    sys.stdout.flush()


def components(ours, folder):
    """PCA(3) of tables of several shapes."""
    import numpy

    print("\nthree principal components: best of 6, seconds; share of the variance")
    for rows, columns in SHAPES:
        place = f"{folder}/table-{rows}-{columns}"
        if not os.path.exists(f"{place}/samples.f32"):
            generator = numpy.random.default_rng(5)
            hidden = generator.standard_normal((rows, 20)) * numpy.arange(20, 0, -1)
            table = hidden @ generator.standard_normal((20, columns))
            table += 5 * generator.standard_normal((rows, columns)) + 10
            write(place, table, numpy.zeros(rows))
        found = {}
        for _ in range(2):
            for program in [OURS, *COMPONENTS]:
                found.setdefault(program, [])
                found[program] += timed(ours, "pca", program, place, rows, 3, "")
        own = min(result["seconds"] for result in found[OURS])
        for program, results in found.items():
            best = min(result["seconds"] for result in results)
            print(f"{rows:6} x {columns:6}  {program:22}{best:9.4f}{best / own:8.2f}"
                  f"{results[-1]['ratio']:12.8f}")
    sys.stdout.flush()


def drawn(folder):
    """Ten rings and clouds in 64 dimensions, for want of images."""
    import numpy

    generator = numpy.random.default_rng(7)
    points = 20_000
    labels = generator.integers(0, 10, points)
    turns = generator.uniform(0, 2 * numpy.pi, points)
    planes = generator.standard_normal((10, 4, 64)) / 8
    centres = generator.standard_normal((10, 64)) / 2
    along = numpy.stack([numpy.cos(turns), numpy.sin(turns),
                         generator.standard_normal(points) / 3, turns * 0], axis=1)
    rows = centres[labels] + numpy.einsum("nk,nkd->nd", along, planes[labels])
    rows += 0.05 * generator.standard_normal(rows.shape)
    return write(folder, rows, labels)


def digits(images, folder):
    """The images of MNIST's files, from 0 to 1."""
    import numpy

    def read(name):
        with gzip.open(f"{images}/{name}.gz") as file:
            data = file.read()
        head = 4 + 4 * data[3]
        shape = [int.from_bytes(data[at:at + 4], "big") for at in range(4, head, 4)]
        return numpy.frombuffer(data, numpy.uint8, offset=head).reshape(shape)

    parts = ("train", "t10k")
    rows = numpy.concatenate([read(f"{part}-images-idx3-ubyte") for part in parts])
    labels = numpy.concatenate([read(f"{part}-labels-idx1-ubyte") for part in parts])
    return write(folder, rows.reshape(len(rows), -1) / numpy.float32(255), labels)


def main():
    folder, sizes, images, *ours = sys.argv[1:]
    sizes = [int(size) for size in sizes.split(",")]
    os.makedirs(folder, exist_ok=True)
    needed = max(sizes) * 512 * 4
    path = f"{folder}/samples.f32"
    if not os.path.exists(path) or os.path.getsize(path) < needed:
        print("Training the network whose hidden activations are mapped (about 2 min) ...", flush=True)
        subprocess.run([*ours, "data", folder, str(max(sizes))], check=True)
    import importlib.metadata as installed

    versions = ", ".join(f"{name} {installed.version(name)}" for name in (
        "numpy", "scikit-learn", "scikit-learn-intelex", "openTSNE", "umap-learn", "pacmap"))
    print(f"{processor()}, {os.cpu_count()} cores, 2 threads each, load {os.getloadavg()[0]:.1f}; "
          f"Python {platform.python_version()}, {versions}")
    with open(f"{folder}/provenance.txt") as file:
        print(file.read())
    print(f"t-SNE: perplexity {PERPLEXITY}, {ITERATIONS} iterations, {EXAGGERATED} of them "
          "exaggerated, from principal components; UMAP and PaCMAP with their defaults; all maps "
          "scored by one function, KL on affinities of the samples for all")
    components(ours, folder)
    for points in sizes:
        compare(ours, "tsne", TSNE, folder, "the activations", points)
    sets = {"drawn rings": (f"{folder}/drawn", drawn)}
    for place in filter(None, images.split(",")):
        name = os.path.basename(os.path.normpath(place))
        sets[name] = (f"{folder}/{name}", lambda to, place=place: digits(place, to))
    for name, (place, make) in sets.items():
        points = make(place)
        if name != "drawn rings":
            compare(ours, "tsne", [peer for peer in TSNE if peer != "scikit-learn"], place, name, points)
        compare(ours, "umap", ["umap-learn"], place, name, points)
        compare(ours, "pacmap", ["pacmap"], place, name, points)
    oracle = min(10_000, max(sizes))
    for result in lines([*ours, "oracle", folder, str(oracle)]):
        print(f"t-SNE from the same neighbours at {oracle} points: ours {result['ours']:.3f} s, "
              f"bhtsne's fit_sne {result['bhtsne']:.3f} s")


if __name__ == "__main__":
    if sys.argv[1] == "peer":
        peer(*sys.argv[2:])
    else:
        main()
