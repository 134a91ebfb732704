"""Kernel ridge regression on 10,000 points in float32, beside scikit-learn's; docs/kernels.md has what was measured."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from estimators.kernels import KernelRegressor

BANDWIDTH = 3.0

MACHINES = {
    "exact": KernelRegressor("gaussian", bandwidth=BANDWIDTH, ridge=0.1, solver="exact"),
    "cg": KernelRegressor("gaussian", bandwidth=BANDWIDTH, ridge=0.1, solver="cg", n_centers=500, random_state=0),
    "scikit-learn": KernelRidge(kernel="rbf", gamma=1 / (2 * BANDWIDTH**2), alpha=0.1),
}


def make_data(n, seed, dtype):
    X = np.random.default_rng(seed).normal(size=(n, 10)).astype(np.float32)
    return X, (np.sin(X[:, 0]) * X[:, 1]).astype(dtype)


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fit(benchmark, name, dtype):
    benchmark.group = f"fit to n = 10,000, d = 10, float32 points, {dtype} targets"
    X, y = make_data(10_000, 0, dtype)
    machine = benchmark.pedantic(MACHINES[name].fit, args=(X, y), rounds=3, warmup_rounds=1)
    X_test, y_test = make_data(2000, 1, dtype)
    benchmark.extra_info["rmse"] = float(np.sqrt(np.mean((machine.predict(X_test) - y_test) ** 2)))
    assert benchmark.extra_info["rmse"] == pytest.approx(0.08512, abs=1e-4)
