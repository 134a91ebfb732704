"""Kernel ridge regression on 10,000 points in float32 beside scikit-learn's, and on a million; docs/kernels.md."""

import numpy as np
import pytest
from scipy.linalg import lapack
from sklearn.kernel_ridge import KernelRidge

from estimators import KernelRegressor
from estimators.kernels.functions import Gaussian

N, BANDWIDTH, RIDGE = 10_000, 3.0, 0.1
N_FLOPS = N**3 // 3  # of the factorisation, so that what is compared is a cost for each

MACHINES = {
    "KernelRegressor": KernelRegressor("gaussian", bandwidth=BANDWIDTH, ridge=RIDGE, solver="exact"),
    "KernelRidge": KernelRidge(kernel="rbf", gamma=1 / (2 * BANDWIDTH**2), alpha=RIDGE),
}

MILLION = """
from estimators import KernelClassifier
from toymanifold import make_spiral
X, y = make_spiral(1_000_000, random_state=0)
KernelClassifier(bandwidth=0.3, n_centers=1000, random_state=0).fit(X.astype("float32"), y)
"""


def make_data(n, seed, dtype):
    X = np.random.default_rng(seed).normal(size=(n, 10)).astype(np.float32)
    return X, (np.sin(X[:, 0]) * X[:, 1]).astype(dtype)


@pytest.mark.benchmark(group="factorise a matrix of 10,000 x 10,000 in float32, and multiply two")
class TestFloor:
    def test_sgemm(self, timed):
        A = np.ones((4000, 4000), dtype=np.float32)
        timed("sgemm", lambda: A @ A, 2 * len(A) ** 3, rounds=3)

    def test_spotrf(self, timed):
        K = Gaussian(BANDWIDTH)(*2 * (make_data(N, 0, np.float32)[0],)) + RIDGE * np.eye(N, dtype=np.float32)
        timed("spotrf", lambda: lapack.spotrf(K.T, lower=1, clean=0), N_FLOPS, rounds=3)


@pytest.mark.benchmark(group="fit to n = 10,000, d = 10, float32 points")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MACHINES)
def test_fit(timed, name, dtype):
    X, y = make_data(N, 0, dtype)
    timed(f"{name}, {dtype} targets", lambda: MACHINES[name].fit(X, y), N_FLOPS, rounds=3)
    X_test, y_test = make_data(2000, 1, dtype)
    rmse = np.sqrt(np.mean((MACHINES[name].fit(X, y).predict(X_test) - y_test) ** 2))
    assert rmse == pytest.approx(0.08512, abs=1e-4)


@pytest.mark.benchmark(group="fit to 1e6 points in the plane")
def test_million(timed, measured, peak_memory):
    peaks = []
    timed("KernelClassifier, 1e6 points", lambda: peaks.append(peak_memory(MILLION)), 1, rounds=1, warmup_rounds=0)
    measured["peak memory of a kernel fit to 1e6 points", None] = max(peaks)
