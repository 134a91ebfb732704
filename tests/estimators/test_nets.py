import pickle

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback

from estimators import PRIORS, NetClassifier
from toymanifold import make_spiral

X, y = make_spiral(300, random_state=0)
SMALL = {"width": 8, "epochs": 5, "random_state": 0}


def fitted(**params):
    return NetClassifier(**{**SMALL, **params}).fit(X, y)


OPTIONS = [
    {"depth": 0},
    {"depth": 5, "width": 4},
    {"activation": "tanh"},
    {"layer_norm": True, "dropout": 0.2},
    {"loss": "focal", "weight_decay": 0.1},
    {"standardize": False},
    {"batch_size": 10_000},
    *({"prior": prior} for prior in PRIORS),
]


@pytest.mark.parametrize("params", OPTIONS)
def test_the_same_seed_gives_the_same_net_and_another_another(params):
    one, same, other = (fitted(**{**params, "random_state": seed}).predict_proba(X) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_global_generators_are_left_as_they_were():
    states = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    fitted(dropout=0.5)
    np.testing.assert_array_equal(np.random.get_state()[1], states[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[1])


def test_fitted_net_is_skorchs_and_takes_raw_points():
    net = fitted(prior="polar")
    assert isinstance(net.net_, NeuralNetClassifier)
    proba = net.net_.predict_proba(X.astype(np.float32))
    np.testing.assert_allclose(proba, net.predict_proba(X), atol=1e-5)


def test_gradient_is_with_respect_to_the_raw_input():
    net = fitted(prior="polar")
    points = torch.tensor(X[:5], dtype=torch.float32, requires_grad=True)
    net.net_.module_(points).sum().backward()
    assert points.grad.shape == (5, 2)
    assert torch.isfinite(points.grad).all()
    assert (points.grad != 0).any()


@pytest.mark.parametrize("prior", [None, *PRIORS])
def test_first_layer_sees_standardised_coordinates(prior):
    module = fitted(prior=prior).net_.module_
    features = module.inputs(torch.tensor(X, dtype=torch.float32))
    torch.testing.assert_close(features.mean(0), torch.zeros(features.shape[1]), atol=1e-4, rtol=0)
    torch.testing.assert_close(features.std(0, correction=0), torch.ones(features.shape[1]), atol=1e-4, rtol=0)


def test_constant_feature_does_no_harm():
    constant = np.column_stack([X, np.full(len(X), 3.0)])
    assert np.isfinite(NetClassifier(**SMALL).fit(constant, y).predict_proba(constant)).all()


@pytest.mark.parametrize(("layer_norm", "dropout"), [(False, 0.0), (True, 0.0), (False, 0.3), (True, 0.3)])
def test_body_has_the_layers_that_it_says(layer_norm, dropout):
    body = fitted(depth=2, layer_norm=layer_norm, dropout=dropout).net_.module_.body
    hidden = ["Linear", *["LayerNorm"] * layer_norm, "ReLU", *["Dropout"] * (dropout > 0)]
    assert [type(layer).__name__ for layer in body] == [*hidden, *hidden, "Linear"]


def test_training_is_that_of_a_bare_torch_loop():
    """An independent way to the same net: same initial weights, same shuffles, AdamW written out with torch alone."""
    net = NetClassifier(depth=1, width=8, epochs=20, batch_size=64, weight_decay=0.1, random_state=0).fit(X, y)
    standard = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
    target = torch.tensor(y)
    with torch.random.fork_rng():
        torch.manual_seed(int(np.random.RandomState(0).randint(2**31)))
        bare = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
        optimizer = torch.optim.AdamW(bare.parameters(), lr=1e-3, weight_decay=0.1)
        for _ in range(20):
            order = torch.randperm(len(X))
            for batch in order.split(64):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(bare(standard[batch]), target[batch]).backward()
                optimizer.step()
    with torch.no_grad():
        expected = bare(standard).softmax(1).numpy()
    np.testing.assert_allclose(net.predict_proba(X), expected, atol=1e-4)


def test_net_learns_what_its_prior_makes_easy():
    net = NetClassifier(prior="phase", epochs=100, random_state=0).fit(X, y)
    assert net.score(*make_spiral(2000, random_state=1)) > 0.97


def test_callbacks_are_called_and_history_is_kept():
    class Recorder(Callback):
        calls: list[str] = []  # noqa: RUF012

        def on_epoch_end(self, net, **kwargs):
            self.calls.append("epoch")

        def on_batch_end(self, net, batch, **kwargs):
            self.calls.append("batch")

    net = fitted(callbacks=[Recorder()], batch_size=100)
    assert Recorder.calls == ["batch", "batch", "batch", "epoch"] * 5
    assert len(net.net_.history) == 5
    assert net.net_.history[-1, "train_loss"] < net.net_.history[0, "train_loss"]


def test_history_holds_the_mean_loss_of_the_epoch():
    """At a rate that changes nothing, the epoch's loss is the loss of the whole sample, uneven batches or not."""
    net = fitted(learning_rate=1e-12, epochs=1, batch_size=128)
    proba = net.predict_proba(X)[np.arange(len(y)), y]
    assert net.net_.history[-1, "train_loss"] == pytest.approx(-np.log(proba).mean(), rel=1e-5)


def test_net_survives_pickling():
    net = fitted(prior="polar", loss="focal")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).predict_proba(X), net.predict_proba(X))


def test_net_works_in_a_search_and_in_parallel():
    search = GridSearchCV(NetClassifier(**SMALL), {"prior": [None, "phase"], "width": [4]}, cv=2).fit(X, y)
    assert search.best_params_["prior"] in (None, "phase")
    assert cross_val_score(NetClassifier(**SMALL), X, y, cv=2, n_jobs=2).shape == (2,)


def test_predictions_do_not_depend_on_the_company():
    net = fitted()
    alone = np.vstack([net.predict_proba(row[None]) for row in X[:20]])
    np.testing.assert_allclose(alone, net.predict_proba(X)[:20], rtol=1e-12)


@pytest.mark.parametrize(
    ("param", "bad"),
    [
        ("depth", -1),
        ("width", 0),
        ("activation", "step"),
        ("prior", "cartesian"),
        ("dropout", 1.0),
        ("loss", "hinge"),
        ("epochs", -1),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("weight_decay", -0.1),
        ("device", "abacus"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(param, bad):
    with pytest.raises(ValueError, match=f"The '{param}' parameter of NetClassifier must be .* Got {bad!r} instead"):
        NetClassifier(**{param: bad}).fit(X, y)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 classes\. Got 1 class"):
        NetClassifier(**SMALL).fit(X, np.zeros(len(X)))
