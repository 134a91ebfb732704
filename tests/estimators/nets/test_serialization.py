"""Fitted nets that come back from bytes."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from estimators import NetClassifier, NetRegressor, PolarCoordinates, make_learner
from estimators.nets.serialization import ModelError, dump, load
from toymanifold import make_sphere, make_spiral

SMALL = {"depth": 2, "width": 8, "epochs": 6, "random_state": 0}

NETS = {
    "plain": NetClassifier(**SMALL),
    "polar": NetClassifier(prior="polar", residual=True, layer_norm=True, dtype="float64", **SMALL),
    "checkpoints": NetClassifier(checkpoints=(2, 4), dropout=0.1, **SMALL),
    "stopping": NetClassifier(early_stopping=True, schedule="cosine", patience=2, activation="gelu", **SMALL),
    "untrained": NetClassifier(**SMALL | {"epochs": 0}),
    "regressor": NetRegressor(prior="polar-sincos", **SMALL),
}


@pytest.fixture(params=NETS)
def net(request):
    regression = request.param == "regressor"
    X, y = make_sphere(80, target="quadratic", task="regression", random_state=0) if regression else spiral(80)
    return clone(NETS[request.param]).fit(X, y)


def spiral(n):
    return make_spiral(n, random_state=0)


def test_a_net_that_comes_back_is_the_net(net):
    X = np.random.default_rng(0).uniform(-1, 1, (50, net.n_features_in_))
    back = load(dump(net))
    assert type(back) is type(net)
    assert back.get_params() == net.get_params()
    np.testing.assert_array_equal(back.predict(X), net.predict(X))
    if hasattr(net, "classes_"):
        np.testing.assert_array_equal(back.predict_proba(X), net.predict_proba(X))
    assert back.history_.equals(net.history_)
    for epoch in net.checkpoints:
        np.testing.assert_array_equal(back.as_of(epoch).predict_proba(X), net.as_of(epoch).predict_proba(X))
    assert dump(back) == dump(net)


def test_labels_and_column_names_come_back():
    import pandas as pd

    X, y = spiral(60)
    frame = pd.DataFrame(X, columns=["x", "y"])
    net = NetClassifier(**SMALL).fit(frame, np.where(y == 1, "inside", "outside"))
    back = load(dump(net))
    assert back.classes_.tolist() == ["inside", "outside"]
    assert back.feature_names_in_.tolist() == ["x", "y"]
    assert back.predict(frame).tolist() == net.predict(frame).tolist()


def test_training_of_a_net_that_came_back_goes_on():
    X, y = spiral(60)
    back = load(dump(NetClassifier(**SMALL).fit(X, y)))
    assert len(back.partial_fit(X, y).history_) == SMALL["epochs"] + 1


def test_loading_leaves_torchs_random_numbers_alone():
    model = dump(NetClassifier(**SMALL).fit(*spiral(60)))
    state = torch.random.get_rng_state()
    load(model)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    "estimator",
    [
        make_learner("knn-1"),
        make_learner("net", prior=PolarCoordinates(center=[0.1, 0.2]), **SMALL),
        make_learner("net", callbacks=[("mine", Callback())], **SMALL),
    ],
    ids=["other", "prior object", "callbacks"],
)
def test_estimators_that_are_not_plain_nets_are_not_serialized(estimator):
    assert dump(estimator.fit(*spiral(60))) is None


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_other_bytes_are_refused_and_never_unpickled():
    model = dump(NetClassifier(**SMALL).fit(*spiral(60)))
    for bad in (
        pickle.dumps(Bomb()),
        b"",
        model[:-1],
        model.replace(b'\\"width\\": 8', b'\\"width\\": 9'),
        model.replace(b"NetClassifier", b"NetDestroyer "),
        model.replace(b"n_features_in_", b"n_features_on_"),
        model.replace(b'\\"params\\"', b'\\"parmas\\"'),
    ):
        assert bad != model
        with pytest.raises(ModelError, match="the bytes are not a stored model"):
            load(bad)
