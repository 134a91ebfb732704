"""Costs of one run, as ratios beside what is promised. Nothing is asserted: machines differ, and noise is no bug."""

from collections.abc import Callable
from pkgutil import resolve_name
from statistics import median
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured beside what is promised."""
    measured = config.stash.get(_MEASURED, {})
    terminalreporter.section("ratios of medians")
    for name, peer, promise in PROMISES:
        if (name, peer) in measured:
            label = f"{name} / {peer}" if peer else name
            terminalreporter.write_line(f"{label:76} {measured[name, peer]:8,.2f}  {promise}".rstrip())
