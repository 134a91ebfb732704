"""Costs of one run, as ratios beside what is promised. Nothing is asserted: machines differ, and noise is no bug."""

import subprocess
import sys
from collections.abc import Callable
from pkgutil import resolve_name
from statistics import median
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.studies.conftest import explored as explored  # a fixture

PROMISES = [  # the cost of the first over that of the second, which runs before it; or the first alone, in its own unit
    ("make_spiral", "standard_normal", "at most 3"),
    ("make_moons", "make_spiral", "at least 3"),
    ("shapely.contains_xy, in the square", "Spiral.contains, in the square", "at least 20"),
    ("shapely.contains_xy, of a sample", "Spiral.contains, of a sample", "(at least 20)"),
    ("shapely.contains_xy, in the bands", "Spiral.contains, in the bands", "(at least 20)"),
    ("Path.contains_points, in the square", "Spiral.contains, in the square", "at least 100"),
    ("UniformSphere(100)", "standard_normal, 100 columns", "at most 1.15"),
    ("make_sphere(dimension=100, target='linear')", "standard_normal, 100 columns", ""),
    ("Spiral.signed_distance", None, "at most 10,000 ns a point"),
    ("shapely.distance", "Spiral.signed_distance", ""),
    ("batches", "standard_normal", ""),
    ("peak memory of 1e8 points in batches", None, "below 500 MB"),
    ("sample, 1 thread", "sample, 2 threads", ""),
    ("import toymanifold", "import numpy", ""),
    ("toymanifold --help", "import numpy", "at most 3.5"),
    ("toymanifold --version", "import numpy", "at most 3.5"),
    ("toymanifold list", "import numpy", "at most 3.5"),
    ("NetClassifier, batch 128", "bare torch, batch 128", "at most 1.3"),
    ("NetClassifier, batch 1000", "bare torch, batch 1000", "at most 1.3"),
    ("NetClassifier, batch 128", "numba, batch 128", "at most 1.15"),
    ("NetClassifier, batch 1000", "numba, batch 1000", "at most 1.15"),
    *(
        (f"{peer}, batch {size}", f"NetClassifier, batch {size}", "")
        for peer in ("torch.compile", "JAX with optax")
        for size in (128, 1000)
    ),
    ("skorch, batch 128", "NetClassifier, batch 128", "at least 3"),
    ("skorch, batch 1000", "NetClassifier, batch 1000", "at least 8"),
    ("kd_tree, leaf_size=30, plane", "NeighborsClassifier, plane", "at least 2.5"),
    ("kd_tree, leaf_size=60, plane", "NeighborsClassifier, plane", "at least 2.5"),
    ("kd_tree, leaf_size=120, plane", "NeighborsClassifier, plane", "at least 2.5"),
    ("ball_tree, plane", "NeighborsClassifier, plane", "at least 2.5"),
    ("brute, 100 features", "NeighborsClassifier, 100 features", ""),
    *(
        (f"{peer}, n = {n:,}, d = {d}", f"brute_neighbors, n = {n:,}, d = {d}", "")
        for peer in ("faiss flat", "scikit-learn-intelex")
        for n in (10**4, 10**5)
        for d in (10, 50, 500)
    ),
    ("spotrf", "sgemm", ""),
    ("KernelRegressor, exact, float32 targets", "spotrf", ""),
    ("KernelRidge, float32 targets", "KernelRegressor, exact, float32 targets", "at least 3"),
    ("KernelRidge, float64 targets", "KernelRegressor, exact, float64 targets", "at least 3"),
    ("peak memory of a kernel fit to 1e6 points", None, "below 8,000 MB"),
    ("a study's nets, skorch", "fit_many", "at least 7.5"),
    ("those of n <= 1,000, skorch", "fit_many", "at least 10"),
    ("a study's nets, bare torch", "fit_many", "at least 2.3"),
    ("a study's nets, skorch", "fit_many on 2 cores", "at least 13"),
    ("a study's nets, skorch on 2 cores", "fit_many on 2 cores", "at least 7"),
    ("fit_many, multiplications and additions", "sgemm", "at least 0.5"),
    ("kNN, n = 10,000, ms", None, "at most 500"),
    ("kNN, n = 10,000, k = 9, ms", None, "at most 500"),
    ("net of 200 epochs, n = 1,000, ms", None, "at most 3,000"),
    ("net of 500 epochs, n = 1,000, ms", None, "at most 3,000"),
]

Measured = dict[tuple[str, str | None], float]

_MEASURED = pytest.StashKey[Measured]()
_RUN = pytest.StashKey[dict[str, tuple[Callable[[], Any], int]]]()


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Collect what the table at the end shows: a ratio under a name and its peer, a cost under a name and None."""
    return request.config.stash.setdefault(_MEASURED, {})


@pytest.fixture
def timed(benchmark: BenchmarkFixture, measured: Measured, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Time a function, in turns with those of its peers that have run, and compare the medians of a point's cost."""
    run = request.config.stash.setdefault(_RUN, {})
    clock = resolve_name(request.config.getoption("benchmark_timer"))

    def time(name: str, function: Callable[[], Any], n_points: int, rounds: int = 7, warmup_rounds: int = 1) -> None:
        run[name] = function, n_points
        costs: dict[str, list[float]] = {peer: [] for own, peer, _ in PROMISES if own == name and peer in run}

        def time_peers() -> None:  # untimed, before each round: what slows the machine then slows both
            for peer in costs:
                peer_function, peer_points = run[peer]
                start = clock()
                peer_function()
                costs[peer].append((clock() - start) / peer_points)

        benchmark.pedantic(function, setup=time_peers, rounds=rounds, warmup_rounds=warmup_rounds)
        if benchmark.stats is not None:  # it is None under --benchmark-disable
            cost = benchmark.stats.stats.median / n_points
            measured[name, None] = cost * 1e9
            measured.update({(name, peer): cost / median(peer_costs) for peer, peer_costs in costs.items()})

    return time


@pytest.fixture
def peak_memory() -> Callable[[str], float]:
    """Run a Python program in a process of its own, and return its peak memory in MB."""
    # Not getrusage: a child's ru_maxrss starts from the peak of the process that started it.
    peak = 'print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))'

    def run(program: str) -> float:
        command = [sys.executable, "-c", f"{program}\n{peak}"]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1000

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured beside what is promised."""
    measured = config.stash.get(_MEASURED, {})
    terminalreporter.section("ratios of medians")
    for name, peer, promise in PROMISES:
        if (name, peer) in measured:
            label = f"{name} / {peer}" if peer else name
            terminalreporter.write_line(f"{label:76} {measured[name, peer]:8,.2f}  {promise}".rstrip())
