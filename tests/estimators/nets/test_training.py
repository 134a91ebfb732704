"""The compiled loop beside training by skorch, with torch's autograd and AdamW: two ways to the same net."""

import subprocess
import sys

import numpy as np
import pytest
from skorch.callbacks import Callback

from estimators import NetClassifier, NetRegressor
from toymanifold import make_spiral

X, y = make_spiral(60, random_state=0)
VALUES = np.column_stack([X[:, 0] ** 2, np.sin(3 * X[:, 1])])
WEIGHT = np.random.default_rng(0).uniform(0, 2, len(X))
EXACT = {"width": 6, "epochs": 200, "batch_size": 32, "learning_rate": 0.003, "dtype": "float64", "random_state": 0}

CLASSIFIERS = [
    {},
    {"depth": 0},
    {"activation": "tanh", "weight_decay": 0.1, "dropout": 0.2},
    {"activation": "gelu", "layer_norm": True, "residual": True, "loss": "focal"},
    {"activation": "silu", "bias": False, "schedule": "cosine"},
    {"activation": "square", "init_scale": 0.5, "loss": "one_hot_squared_error", "layer_norm": True},
    {"early_stopping": True, "patience": 3, "validation_fraction": 0.3, "learning_rate": 0.03},
    {"prior": "polar", "batch_size": 1000, "max_steps": 77, "schedule": "cosine"},
    {"max_steps": 33, "standardize": False},
    {"prior": "phase", "until_fitted": True, "learning_rate": 0.03},
]
REGRESSORS = [{}, {"loss": "huber", "prior": "polar-sincos"}, {"early_stopping": True, "standardize": False}]


def assert_trained_alike(make, targets, weight):
    compiled, by_skorch = (make(callbacks=c).fit(X, targets, weight) for c in (None, [Callback()]))
    np.testing.assert_allclose(compiled._outputs(X), by_skorch._outputs(X), atol=1e-4, rtol=0)
    columns = by_skorch.history_.columns.intersection(["epoch", "train_loss", "valid_loss"])
    np.testing.assert_allclose(compiled.history_[columns], by_skorch.history_[columns], atol=1e-5)


@pytest.mark.parametrize("params", CLASSIFIERS, ids=str)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_classifiers_are_those_of_autograd(params, weight):
    assert_trained_alike(lambda **options: NetClassifier(**{**EXACT, **params}, **options), y, weight)


@pytest.mark.parametrize("params", REGRESSORS, ids=str)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_regressors_are_those_of_autograd(params, weight):
    assert_trained_alike(lambda **options: NetRegressor(**{**EXACT, **params}, **options), VALUES, weight)


@pytest.mark.parametrize(
    "callbacks",
    [(None, None), (None, [Callback()]), ([Callback()], None)],
    ids=["compiled", "then by skorch", "skorch first"],
)
def test_a_warm_start_goes_on_exactly(callbacks):
    """Ten epochs are five and five, in the compiled loop, by skorch, and from one to the other."""
    options = {**EXACT, "dropout": 0.2, "warm_start": True}
    first, second = callbacks
    net = NetClassifier(**{**options, "epochs": 5}, callbacks=first).fit(X, y)
    net.set_params(callbacks=second).fit(X, y)
    whole = NetClassifier(**{**options, "epochs": 10}).fit(X, y)
    np.testing.assert_allclose(net._outputs(X), whole._outputs(X), rtol=1e-10)
    np.testing.assert_allclose(net.history_["train_loss"], whole.history_["train_loss"], rtol=1e-10)


def test_rates_of_a_fit_that_goes_on_are_the_new_ones():
    net = NetClassifier(**{**EXACT, "epochs": 5, "warm_start": True}).fit(X, y)
    before = net._outputs(X)
    np.testing.assert_allclose(net.set_params(learning_rate=1e-14).fit(X, y)._outputs(X), before, rtol=1e-9)
    assert np.abs(net.set_params(learning_rate=1e-2).fit(X, y)._outputs(X) - before).max() > 0.01


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 7), ("depth", 1), ("prior", "polar"), ("dtype", "float32"), ("loss", "focal"), ("activation", "tanh")],
)
def test_layers_and_loss_of_a_fit_that_goes_on_cannot_change(name, value):
    net = NetClassifier(**{**EXACT, "epochs": 2, "warm_start": True}).fit(X, y)
    before = net.predict_proba(X)
    np.testing.assert_array_equal(net.set_params(**{name: value}).predict_proba(X), before)
    with pytest.raises(ValueError, match=f"The '{name}' parameter of NetClassifier must be .*, as in the fit"):
        net.fit(X, y)


def test_steps_are_counted_over_all_samples_alike():
    """The budget in steps is that of any sample size, and the last epoch may be incomplete."""
    for n_samples in (20, 60):
        net = NetClassifier(width=4, batch_size=16, max_steps=10, random_state=0).fit(X[:n_samples], y[:n_samples])
        assert net._trained.state.progress[0] == 10
        assert len(net.history_) == {20: 5, 60: 3}[n_samples]


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_steps_of_whole_epochs_are_these_epochs(schedule):
    options = {**EXACT, "schedule": schedule}
    epochs = NetClassifier(**{**options, "epochs": 3}).fit(X[:60], y[:60])
    steps = NetClassifier(**options, max_steps=6).fit(X[:60], y[:60])
    np.testing.assert_array_equal(steps._outputs(X), epochs._outputs(X))
    assert len(steps.history_) == 3


def test_until_fitted_stops_at_the_first_epoch_without_an_error():
    net = NetClassifier(prior="phase", until_fitted=True, learning_rate=0.03, epochs=500, random_state=0).fit(X, y)
    assert net.score(X, y) == 1
    shorter = clone_with(net, epochs=len(net.history_) - 1, until_fitted=False).fit(X, y)
    assert shorter.score(X, y) < 1
    with pytest.raises(ValueError, match="The 'until_fitted' parameter of NetRegressor must be False"):
        NetRegressor(until_fitted=True).fit(X, X[:, 0])


def clone_with(net, **params):
    return type(net)(**{**net.get_params(), **params})


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None

import numpy as np
from estimators import NetClassifier
from toymanifold import make_spiral
X, y = make_spiral(60, random_state=0)
for _ in range(2):
    net = NetClassifier(width=6, epochs=10, batch_size=32, dropout=0.2, random_state=0).fit(X, y)
np.save(sys.argv[1], net.predict_proba(X))
"""


def test_without_numba_skorch_trains_the_same_net(tmp_path):
    path = tmp_path / "probabilities.npy"
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", WITHOUT_NUMBA, path]
    ran = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True)
    assert ran.stderr.count("numba is not installed, so nets are trained by skorch") == 1
    net = NetClassifier(width=6, epochs=10, batch_size=32, dropout=0.2, random_state=0).fit(X, y)
    np.testing.assert_allclose(np.load(path), net.predict_proba(X), atol=1e-5)
