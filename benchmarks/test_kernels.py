"""Exact kernel ridge regression in float32, beside scikit-learn's."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from estimators.kernels import KernelRegressor

BANDWIDTH = 3.0

MACHINES = {
    "toymanifold": KernelRegressor("gaussian", bandwidth=BANDWIDTH, ridge=0.1),
    "scikit-learn": KernelRidge(kernel="rbf", gamma=1 / (2 * BANDWIDTH**2), alpha=0.1),
}


def make_data(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 10)).astype(np.float32)
    return X, np.sin(X[:, 0]) * X[:, 1]


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.benchmark(group="exact kernel fit, n = 10,000, d = 10, float32")
def test_exact_fit(benchmark, name):
    X, y = make_data(10_000, 0)
    machine = benchmark.pedantic(MACHINES[name].fit, args=(X, y), rounds=3)
    X_test, y_test = make_data(2000, 1)
    benchmark.extra_info["rmse"] = rmse = float(np.sqrt(np.mean((machine.predict(X_test) - y_test) ** 2)))
    assert rmse < 0.05
