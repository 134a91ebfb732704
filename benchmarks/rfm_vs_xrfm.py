"""Recursive feature machines beside xrfm: error and CPU time of fit and prediction, in turns, as a Markdown table.

    OMP_NUM_THREADS=1 python benchmarks/rfm_vs_xrfm.py [n ...]

Both get what xrfm's authors used for their toy: Laplace kernel, bandwidth 10, ridge 1e-3, five updates of a full metric
and a fifth of the training points to choose the round by; both in float32. Needs xrfm (PyPI; measured with 0.4.5).
"""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from estimators import RFMClassifier, RFMRegressor

try:
    from xrfm import xRFM
except ImportError:
    sys.exit("xrfm is missing: pip install xrfm==0.4.5, in an environment of its own.")

Array = NDArray[np.floating]
Fit = Callable[["Data"], Array]

SIZES = (1000, 2000, 4000, 10_000)
N_TEST = 2000
BANDWIDTH, RIDGE, ROUNDS = 10.0, 1e-3, 5


class Data(NamedTuple):
    """One draw: training and test points, in float32; floats for regression, 0 and 1 for classification."""

    X: Array
    y: NDArray[np.generic]
    X_test: Array
    y_test: NDArray[np.generic]

    @property
    def regression(self) -> bool:
        return bool(np.issubdtype(self.y.dtype, np.floating))


def low_rank_toy(X: Array) -> Array:
    X *= 0.5
    y = X[:, 0] * X[:, 1] * (X[:, 5] > 0)
    return y * np.float32(np.sqrt(32))  # to variance 1


def half_space(X: Array) -> NDArray[np.int64]:
    return (X.sum(axis=1) > 0).astype(np.int64)


def xor(X: Array) -> NDArray[np.int64]:
    return (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def drawn(target: Callable[[Array], Array], n: int, seed: int) -> Data:
    X = np.random.default_rng(seed).standard_normal((n + N_TEST, 20), dtype=np.float32)
    y = target(X)
    return Data(X[:n], y[:n], X[n:], y[n:])


def loaded(loader: Callable[..., tuple[Array, Array]], seed: int) -> Data:
    X, y = loader(return_X_y=True)
    if loader is load_diabetes:
        y = ((y - y.mean()) / y.std()).astype(np.float32)
    X, X_test, y, y_test = train_test_split(X, y, random_state=seed)
    scaler = StandardScaler().fit(X)
    return Data(scaler.transform(X).astype(np.float32), y, scaler.transform(X_test).astype(np.float32), y_test)


def ours(data: Data) -> Array:
    machine = RFMRegressor if data.regression else RFMClassifier
    fitted = machine(bandwidth=BANDWIDTH, ridge=RIDGE, n_rounds=ROUNDS, random_state=0).fit(data.X, data.y)
    return fitted.predict(data.X_test)


def theirs(solver: str) -> Fit:
    def fit(data: Data) -> Array:
        model = {"kernel": "l2", "bandwidth": BANDWIDTH, "exponent": 1.0, "diag": False, "bandwidth_mode": "constant"}
        machine = xRFM(
            {"model": model, "fit": {"reg": RIDGE, "iters": ROUNDS, "solver": solver, "verbose": False}},
            device="cpu",
            tuning_metric="mse" if data.regression else "brier",
            random_state=0,
            verbose=False,
        )
        X, y = torch.from_numpy(data.X), torch.from_numpy(data.y)
        out = len(X) // 5
        machine.fit(X[out:], y[out:], X[:out], y[:out])
        return machine.predict(torch.from_numpy(data.X_test)).ravel()

    return fit


FITS: dict[str, Fit] = {"ours": ours, "xrfm": theirs("solve"), "xrfm by Cholesky": theirs("cholesky")}


def error(data: Data, predicted: Array) -> float:
    return float(np.mean((predicted - data.y_test) ** 2 if data.regression else predicted != data.y_test))


def tasks(sizes: list[int]) -> Iterator[tuple[str, list[Callable[[], Data]]]]:
    """Yield names, each with its draws."""
    for loader in (load_diabetes, load_breast_cancer):
        yield loader.__name__.removeprefix("load_"), [partial(loaded, loader, seed) for seed in range(20)]
    for n in sizes:
        n_draws = 9 if n < 4000 else 5 if n < 10_000 else 3
        for target in (low_rank_toy, half_space, xor):
            yield f"{target.__name__}, n = {n:,}", [partial(drawn, target, n, seed) for seed in range(n_draws)]


def measure(draws: list[Callable[[], Data]]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    errors, seconds = {name: [] for name in FITS}, {name: [] for name in FITS}
    for draw in draws:
        data = draw()
        for name, fit in FITS.items():
            start = time.process_time()
            predicted = fit(data)
            seconds[name].append(time.process_time() - start)
            errors[name].append(error(data, predicted))
    return errors, seconds


def row(name: str, errors: dict[str, list[float]], seconds: dict[str, list[float]]) -> str:
    differences = np.subtract(errors["ours"], errors["xrfm"])
    reach = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    cells = [f"{np.mean(errors['ours']):.4f}", f"{np.mean(errors['xrfm']):.4f}"]
    cells += [f"{differences.mean():+.4f} ± {reach:.4f}", *(f"{median(seconds[fit]):.3f}" for fit in FITS)]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    torch.set_num_threads(1)
    measure([partial(drawn, xor, 200, 0)])  # imports and caches
    print("| task | error, ours | error, xrfm | difference | s, ours | s, xrfm | s, xrfm by Cholesky |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, draws in tasks([int(n) for n in sys.argv[1:]] or list(SIZES)):
        print(row(name, *measure(draws)), flush=True)


if __name__ == "__main__":
    main()
