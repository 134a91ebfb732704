"""Modules that estimators load, and when: studies plan without torch, which takes seconds to import."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import estimators
from estimators import NetClassifier
from toymanifold import make_spiral

USE_WITHOUT_FIT = """
import inspect
from sklearn.base import clone, is_classifier, is_regressor
from estimators import CATALOG, NetClassifier, agop, make_learner
from estimators.kernels import KernelMachine, RFMRegressor
from estimators.nets import Net, NetRegressor

net = clone(NetClassifier(prior="polar", width=8)).set_params(depth=2)
assert net.get_params()["depth"] == 2 and "width" in inspect.signature(NetClassifier).parameters
assert is_classifier(net) and is_regressor(NetRegressor()) and isinstance(net, Net)
for prior in (None, "polar"):
    repr([make_learner(name, task=task, prior=prior) for name in CATALOG for task in CATALOG[name]])
agop([[1.0, 2.0]])
"""

FIT = """
from estimators import NetClassifier

X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
NetClassifier(epochs=1, random_state=0).fit(X, y)
options = {"checkpoints": (1,), "early_stopping": True, "validation_fraction": 0.5, "schedule": "cosine"}
NetClassifier(epochs=2, dropout=0.1, layer_norm=True, **options, random_state=0).fit(X, y)
"""


def loaded(program, *modules, **environment):
    """Return which of the modules are loaded when a program has run in a fresh process."""
    program += f"\nimport sys; print(*[name for name in {modules} if name in sys.modules])"
    environment = {**os.environ, **environment}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return ran.stdout.split()


def test_the_package_alone_loads_no_library():
    assert loaded("import estimators; dir(estimators)", "torch", "skorch", "sklearn", "scipy") == []


def test_a_learner_that_is_not_fitted_loads_no_torch():
    assert loaded(USE_WITHOUT_FIT, "torch", "skorch") == []


def test_nets_kernels_and_priors_load_neither_numba_nor_learners_of_scikit_learn():
    program = "from estimators import PRIORS, KernelRegressor, NetClassifier, PredictedWorth"
    assert loaded(program, "numba", "sklearn.linear_model", "sklearn.neighbors") == []


def test_a_fresh_process_loads_a_pickled_net_and_fits_the_same_without_the_compiler_of_torch(tmp_path):
    X, y = make_spiral(100, random_state=0)
    net = NetClassifier(width=64, epochs=2, early_stopping=True, random_state=0).fit(X, y)
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(net))
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    program = f"""
import pickle, numpy as np
from sklearn.base import clone
net = pickle.load(open({str(tmp_path / "net.pkl")!r}, "rb"))
X, y = np.load({str(tmp_path / "X.npy")!r}), np.load({str(tmp_path / "y.npy")!r})
np.save({str(tmp_path / "proba.npy")!r}, [net.predict_proba(X), clone(net).fit(X, y).predict_proba(X)])
"""
    assert loaded(program + FIT, "torch", "torch._dynamo", "sympy", OMP_NUM_THREADS="8") == ["torch"]
    np.testing.assert_array_equal(np.load(tmp_path / "proba.npy"), [net.predict_proba(X)] * 2)


def test_every_public_name_is_found_and_no_other():
    assert all(hasattr(estimators, name) for name in estimators.__all__)
    assert set(estimators.__all__) <= set(dir(estimators))
    assert all(getattr(estimators, name) is not None for name in estimators.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        estimators.nonsense  # noqa: B018
