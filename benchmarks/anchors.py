"""The peers of our nets, skorch, scikit-learn and a bare torch loop, and what the nets of a study cost with each.

The cells are those of the nets of `prior-vs-data`: three variants, five sizes, ten seeds. An epoch costs the same from
first to last, so a few are timed, less the cost of a single one, and the cost of a thousand follows from them.
"""

import copy
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import joblib
import numpy as np
import pandas as pd
import skorch
import torch
from numpy.typing import NDArray
from rich.table import Table
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import nn

from estimators import FocalLoss, NetClassifier, PolarCoordinates, fit_many
from toymanifold import make_spiral, spiral_problem

SIZES = (100, 300, 1000, 3000, 10_000)
N_SEEDS = 10
EPOCHS = 1000
BATCH_SIZE = 128
LEARNING_RATE = 1e-3
WIDTH = 64

SKORCH, OURS, SKORCH_2, OURS_2 = "skorch", "fit_many", "skorch, joblib on 2 cores", "fit_many on 2 cores"

_POINTS_TIMED = 20_000  # of one cell in one round: epochs times sample size
_SEEDS_TIMED = 2  # of skorch on both cores, which takes its time

VARIANTS: dict[str, dict[str, Any]] = {
    "net": {},
    "net + polar": {"prior": "polar"},
    "net + polar + extras": {"prior": "polar", "loss": "focal", "layer_norm": True, "weight_decay": 0.01},
}
"""Nets of `prior-vs-data` by name: parameters of `NetClassifier`."""

Points, Labels, Variant = NDArray[np.float32], NDArray[np.int64], dict[str, Any]
Fit = Callable[..., Any]


def fit_skorch(
    X: Points, y: Labels, variant: Variant, epochs: int, seed: int, batch_size: int = BATCH_SIZE
) -> skorch.NeuralNetClassifier:
    """Fit as skorch's documentation shows it, but on all points: none are held back for validation."""
    torch.manual_seed(seed)
    return skorch.NeuralNetClassifier(
        _network(variant),
        criterion=_criterion(variant),
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=variant.get("weight_decay", 0.0),
        lr=LEARNING_RATE,
        max_epochs=epochs,
        batch_size=batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    ).fit(X, y)


def fit_sklearn(X: Points, y: Labels, variant: Variant, epochs: int, seed: int) -> MLPClassifier:
    """Fit scikit-learn's MLPClassifier, which has neither focal loss nor layer norm."""
    net = MLPClassifier(
        (WIDTH,) * 3,
        batch_size=min(BATCH_SIZE, len(X)),
        learning_rate_init=LEARNING_RATE,
        alpha=variant.get("weight_decay", 0.0),
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        tol=0.0,
        random_state=seed,
    )
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):  # all epochs are what is asked for
        return net.fit(X, y)


def fit_torch(
    X: Points, y: Labels, variant: Variant, epochs: int, seed: int, batch_size: int = BATCH_SIZE
) -> nn.Sequential:
    """Fit in a bare torch loop on slices of tensors, with the fused optimiser."""
    torch.manual_seed(seed)
    network, criterion = _network(variant), _criterion(variant)()
    decay = variant.get("weight_decay", 0.0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=decay, fused=True)
    points, labels = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(points)).split(batch_size):
            optimizer.zero_grad()
            criterion(network(points[rows]), labels[rows]).backward()
            optimizer.step()
    return network


FITS: dict[str, Fit] = {SKORCH: fit_skorch, "scikit-learn": fit_sklearn, "bare torch": fit_torch}
"""Ways to fit one net, on coordinates after the prior, standardised, in float32."""


@dataclass(frozen=True)
class EpochCosts:
    """Seconds for an epoch of all cells, by way and sample size; and what is needed to read them.

    Attributes
    ----------
    seconds : dict of str to dict of int to float
        Medians over rounds.
    gflops : float
        Arithmetic of ours at n = 1,000, the plain nets, in the training loop alone.
    sgemm_gflops : float
        What a large product of float32 matrices attains on one core.
    """

    seconds: dict[str, dict[int, float]]
    gflops: float
    sgemm_gflops: float

    def study_seconds(self, way: str, largest: int | None = None) -> float:
        """Return the seconds of the whole study, or of its sizes up to `largest`, at `EPOCHS` epochs."""
        return EPOCHS * sum(s for n, s in self.seconds[way].items() if n <= (largest or n))


def measure_costs(sizes: Sequence[int] = SIZES, n_rounds: int = 5) -> EpochCosts:
    """Time all ways in turns: on one core by processor time, on two by the clock on the wall."""
    with _one_thread(), joblib.Parallel(2) as cores:
        ways: dict[str, Callable[[int], float]] = {
            **{name: partial(_fit_each, fit) for name, fit in FITS.items()},
            OURS: _fit_together,
            SKORCH_2: partial(_fit_on_cores, cores, [[seed] for seed in range(_SEEDS_TIMED)], _fit_skorch_cells),
            OURS_2: partial(_fit_on_cores, cores, [range(0, N_SEEDS, 2), range(1, N_SEEDS, 2)], _fit_our_cells),
        }
        seconds = {way: dict.fromkeys(sizes, 0.0) for way in ways}
        for n in sizes:
            rounds = [{way: time_epoch(n) for way, time_epoch in ways.items()} for _ in range(n_rounds + 1)][1:]
            for way in ways:
                seconds[way][n] = median(costs[way] for costs in rounds)
        return EpochCosts(seconds, median(_gflops() for _ in range(n_rounds)), _sgemm_gflops())


def costs_table(costs: EpochCosts) -> Table:
    """Return a row for each way: milliseconds for an epoch of a net by sample size, the study, and beside ours."""
    sizes = list(costs.seconds[OURS])
    table = Table(box=None)
    table.add_column("ms for an epoch of a net", no_wrap=True)
    for heading in (*(f"n = {n:,}" for n in sizes), "study, s", "of ours", "same, n <= 1,000"):
        table.add_column(heading, justify="right", no_wrap=True)
    n_cells = N_SEEDS * len(VARIANTS)
    for way, seconds in costs.seconds.items():
        ours = OURS_2 if "2 cores" in way else OURS
        ratios = [costs.study_seconds(way, n) / costs.study_seconds(ours, n) for n in (None, 1000)]
        each = (f"{1000 * seconds[n] / n_cells:.3g}" for n in sizes)
        table.add_row(way, *each, f"{costs.study_seconds(way):,.0f}", *(f"{ratio:.1f} x" for ratio in ratios))
    return table


def measure_errors(n_samples: int, n_seeds: int) -> pd.DataFrame:
    """Train all ways to the end, paired by seed.

    Returns
    -------
    frame : DataFrame
        Columns ``way``, ``variant``, ``seed``, ``error`` under the sampling density.
    """
    X_test, y_test = test_sample()
    rows = []
    with _one_thread():
        for variant, params in VARIANTS.items():
            samples = [make_spiral(n_samples, random_state=seed) for seed in range(n_seeds)]
            nets = fit_many([_our_net(params, EPOCHS, seed) for seed in range(n_seeds)], samples)
            rows += [(OURS, variant, seed, 1 - net.score(X_test, y_test)) for seed, net in enumerate(nets)]
            for way, fit in FITS.items():
                for seed, (X, y) in enumerate(samples):
                    transform = _coordinates(params).fit(X)
                    fitted = fit(transform.transform(X).astype(np.float32), y, params, EPOCHS, seed)
                    wrong = _predict(fitted, transform.transform(X_test).astype(np.float32)) != y_test
                    rows.append((way, variant, seed, float(wrong.mean())))
    return pd.DataFrame(rows, columns=["way", "variant", "seed", "error"])


def test_sample() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return 50,000 points that no training seed reaches."""
    return spiral_problem().sample(50_000, 0, split="test")


test_sample.__test__ = False  # type: ignore[attr-defined]


def _fit_each(fit: Fit, n: int) -> float:
    """Return the seconds of an epoch of all cells: those of one seed, times the seeds."""
    return N_SEEDS * sum(_epoch_seconds(partial(_fit_cell, fit, n, params, 0), n) for params in VARIANTS.values())


def _fit_together(n: int) -> float:
    return _epoch_seconds(partial(_fit_our_cells, n, range(N_SEEDS)), n)


def _fit_on_cores(cores: Any, parts: list[Sequence[int]], fit_cells: Callable[..., None], n: int) -> float:
    """Return the seconds of an epoch of all cells, of which `parts` are the seeds that a task takes."""

    def run(epochs: int) -> None:
        cores(joblib.delayed(fit_cells)(n, seeds, epochs) for seeds in parts)

    return _epoch_seconds(run, n, time.perf_counter) * N_SEEDS / sum(map(len, parts))


def _fit_cell(fit: Fit, n: int, params: dict[str, Any], seed: int, epochs: int) -> None:
    X, y = make_spiral(n, random_state=seed)
    fit(_coordinates(params).fit_transform(X).astype(np.float32), y, params, epochs, seed)


def _fit_skorch_cells(n: int, seeds: Sequence[int], epochs: int) -> None:
    with _one_thread():
        for params in VARIANTS.values():
            for seed in seeds:
                _fit_cell(fit_skorch, n, params, seed, epochs)


def _fit_our_cells(n: int, seeds: Sequence[int], epochs: int) -> None:
    with _one_thread():
        cells = [(params, seed) for params in VARIANTS.values() for seed in seeds]
        samples = [make_spiral(n, random_state=seed) for _, seed in cells]
        fit_many([_our_net(params, epochs, seed) for params, seed in cells], samples)


def _epoch_seconds(run: Callable[[int], Any], n: int, clock: Callable[[], float] = time.process_time) -> float:
    """Return what an epoch takes: many epochs less one, so that what is done once does not count."""
    many = max(3, _POINTS_TIMED // n)
    marks = [clock()]
    for epochs in (1, many):
        run(epochs)
        marks.append(clock())
    return max(0.0, (marks[2] - marks[1]) - (marks[1] - marks[0])) / (many - 1)


def _gflops() -> float:
    """Return the rate of multiplications and additions of the plain nets' training at n = 1,000."""
    n = 1000
    samples = [make_spiral(n, random_state=seed) for seed in range(N_SEEDS)]

    def run(epochs: int) -> None:
        fit_many([_our_net({}, epochs, seed) for seed in range(N_SEEDS)], samples)

    layers = [2 * WIDTH, WIDTH**2, WIDTH**2, WIDTH * 2]
    of_a_point = 2 * (3 * sum(layers) - layers[0])  # forward, of weights, of inputs but for the first layer's
    return N_SEEDS * n * of_a_point / _epoch_seconds(run, n) / 1e9


def _sgemm_gflops(size: int = 2000) -> float:
    a, b = torch.randn(size, size), torch.randn(size, size)
    seconds = []
    for _ in range(7):
        start = time.process_time()
        torch.mm(a, b)
        seconds.append(time.process_time() - start)
    return 2 * size**3 / median(seconds) / 1e9


def _our_net(params: dict[str, Any], epochs: int, seed: int) -> NetClassifier:
    return NetClassifier(epochs=epochs, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE, random_state=seed, **params)


def _coordinates(params: dict[str, Any]) -> Pipeline:
    prior = [PolarCoordinates()] if "prior" in params else []
    return make_pipeline(*prior, StandardScaler())


def _network(params: dict[str, Any]) -> nn.Sequential:
    norm = [nn.LayerNorm(WIDTH)] if params.get("layer_norm") else []
    layers: list[nn.Module] = []
    for n_inputs in (2, WIDTH, WIDTH):
        layers += [nn.Linear(n_inputs, WIDTH), *copy.deepcopy(norm), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 2))


def _criterion(params: dict[str, Any]) -> type[nn.Module]:
    return FocalLoss if params.get("loss") == "focal" else nn.CrossEntropyLoss


def _predict(fitted: Any, X: NDArray[np.float32]) -> NDArray[np.int64]:
    if isinstance(fitted, nn.Module):
        with torch.no_grad():
            predicted: NDArray[np.int64] = fitted(torch.from_numpy(X)).argmax(dim=1).numpy()
        return predicted
    labels: NDArray[np.int64] = fitted.predict(X)
    return labels


@contextmanager
def _one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(n_threads)
