import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from skorch.callbacks import Callback, EpochScoring

from estimators import NetClassifier, NetRegressor, PolarCoordinates, fit_many
from estimators.nets import fit_many as fit_many_module
from estimators.nets.fit_many import batch_key
from estimators.nets.losses import LOSSES
from estimators.nets.modules import MLP
from estimators.nets.stacks import Stack
from toymanifold import make_sphere, make_spiral

DATA = [make_spiral(150, random_state=seed) for seed in range(4)]
VALUES = [make_sphere(150, dimension=2, target="harmonic", task="regression", random_state=seed) for seed in range(4)]
EXACT = {"width": 8, "epochs": 200, "batch_size": 100, "learning_rate": 0.01, "dtype": "float64"}

OPTIONS = [
    {},
    {"depth": 0},
    {"batch_size": 1000},
    {"activation": "tanh"},
    {"activation": "gelu"},
    {"activation": "silu"},
    {"activation": "square", "init_scale": 0.5, "loss": "one_hot_squared_error", "bias": False},
    {"layer_norm": True},
    {"dropout": 0.2},
    {"residual": True, "init_scale": 2.0, "layer_norm": True, "dropout": 0.1},
    {"weight_decay": 0.1},
    {"loss": "focal"},
    {"standardize": False},
    {"schedule": "cosine"},
    {"prior": "polar"},
    {"prior": "phase"},
    {"prior": PolarCoordinates(center=[0.1, 0.2], learn_center=True)},
    {"early_stopping": True, "patience": 3, "validation_fraction": 0.3},
    {"checkpoints": (5, 150)},
]
MIXED = [
    {"learning_rate": 0.003},
    {"weight_decay": 0.1, "epochs": 120},
    {"prior": "polar", "schedule": "cosine"},
    {"init_scale": 0.5, "checkpoints": (7,)},
]


def nets_like(params, kind=NetClassifier):
    return [kind(**{**EXACT, **params, "random_state": seed}) for seed in range(4)]


def assert_equal_nets(together, alone, X):
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one._outputs(X), other._outputs(X), atol=1e-4, rtol=0)
        columns = [c for c in other.history_ if c != "dur"]
        np.testing.assert_allclose(one.history_[columns], other.history_[columns], atol=1e-5)


@pytest.mark.parametrize("params", OPTIONS, ids=str)
def test_each_net_is_what_its_own_fit_makes(params):
    alone = [net.fit(*data) for net, data in zip(nets_like(params), DATA, strict=True)]
    together = fit_many(nets_like(params), DATA)
    assert_equal_nets(together, alone, DATA[0][0])


@pytest.mark.parametrize("params", [{}, {"loss": "huber"}, {"standardize": False}, {"early_stopping": True}], ids=str)
def test_each_regressor_is_what_its_own_fit_makes(params):
    values = [(X, np.column_stack([y, y**2])) for X, y in VALUES]
    alone = [net.fit(*data) for net, data in zip(nets_like(params, NetRegressor), values, strict=True)]
    assert_equal_nets(fit_many(nets_like(params, NetRegressor), values), alone, values[0][0])


def test_nets_of_unlike_rates_priors_and_lengths_share_a_training():
    nets = [NetClassifier(**{**EXACT, **params, "random_state": 0}) for params in MIXED]
    alone = [clone(net).fit(*data) for net, data in zip(nets, DATA, strict=True)]
    assert_equal_nets(fit_many(nets, DATA), alone, DATA[0][0])


def test_weights_are_each_nets_own():
    weighted = [(X, y, np.random.default_rng(0).random(len(X))) for X, y in DATA]
    alone = [net.fit(*data) for net, data in zip(nets_like({}), weighted, strict=True)]
    assert_equal_nets(fit_many(nets_like({}), weighted), alone, DATA[0][0])


def test_samples_of_any_size_and_any_estimator_come_in_order():
    sizes = (20, 150, 90, 150, 40)
    data = [make_spiral(n, random_state=n) for n in sizes]
    many = [NetClassifier(width=8, epochs=n % 7, random_state=0) for n in sizes[:4]] + [KNeighborsClassifier()]
    fitted = fit_many(many, data)
    assert all(one is other for one, other in zip(fitted, many, strict=True))
    assert [len(net.history_) for net in fitted[:4]] == [n % 7 for n in sizes[:4]]
    np.testing.assert_array_equal(fitted[4].predict(data[0][0]), clone(many[4]).fit(*data[4]).predict(data[0][0]))


def test_one_that_fails_fails_alone():
    """A rate that makes the loss infinite, a sample with no points, a class too few: each its own exception."""
    nets = nets_like({"epochs": 30})
    nets[1].set_params(learning_rate=1e200)
    data = [*DATA[:3], (DATA[3][0], np.zeros(150))]
    alone = clone(nets[0]).fit(*DATA[0])
    fitted = fit_many(nets, data, return_exceptions=True)
    assert fitted[0] is nets[0]
    assert fitted[2] is nets[2]
    np.testing.assert_allclose(fitted[0].predict_proba(DATA[0][0]), alone.predict_proba(DATA[0][0]), atol=1e-6)
    assert "training diverged: in epoch" in str(fitted[1])
    assert "must hold at least 2 classes" in str(fitted[3])
    with pytest.raises(ValueError, match="training diverged"):
        fit_many([clone(net) for net in nets], data)


@pytest.mark.parametrize("moment", ["on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end"])
def test_a_callback_that_fails_fails_its_own_net(moment):
    def fail(self, net, **kwargs):
        raise RuntimeError("not so")

    nets = nets_like({"epochs": 3})
    nets[2].set_params(callbacks=[type("Failing", (Callback,), {moment: fail})()])
    fitted = fit_many(nets, DATA, return_exceptions=True)
    assert [str(net) for net in fitted if isinstance(net, Exception)] == ["not so"]
    assert [len(net.history_) for net in (nets[0], nets[1], nets[3])] == [3, 3, 3]


def test_a_net_alone_that_diverges_says_so():
    with pytest.raises(ValueError, match=r"training diverged: in epoch \d+ the loss is"):
        NetClassifier(**{**EXACT, "learning_rate": 1e200}).fit(*DATA[0])


def test_nets_are_their_own_afterwards():
    """Pickled, they are small; fitted on, they go on as if they had been fitted alone."""
    together, alone = fit_many(nets_like({"epochs": 20}), DATA), nets_like({"epochs": 20})[0].fit(*DATA[0])
    assert len(pickle.dumps(together[0])) < 1.1 * len(pickle.dumps(alone))
    before = together[1].predict_proba(DATA[0][0])
    for net in (together[0], alone):
        net.set_params(warm_start=True).fit(*DATA[0])
    np.testing.assert_allclose(together[0].predict_proba(DATA[0][0]), alone.predict_proba(DATA[0][0]), atol=1e-6)
    np.testing.assert_array_equal(together[1].predict_proba(DATA[0][0]), before)


def test_checkpoints_are_each_nets_own():
    nets = nets_like({"epochs": 10, "checkpoints": (3, 10)})
    alone = [clone(net).fit(*data) for net, data in zip(nets, DATA, strict=True)]
    for epoch in (3, 10):
        early = [[net.as_of(epoch) for net in fitted] for fitted in (fit_many(nets, DATA), alone)]
        assert_equal_nets(*early, DATA[0][0])


def test_callbacks_and_early_stopping_are_each_nets_own():
    def with_callbacks():
        nets = nets_like({"epochs": 10})
        return [
            net.set_params(
                callbacks=[EpochScoring("accuracy", on_train=caching, use_caching=caching)], early_stopping=True
            )
            for net, caching in zip(nets, (True, True, False, False), strict=True)
        ]

    alone = [net.fit(*data) for net, data in zip(with_callbacks(), DATA, strict=True)]
    for one, other in zip(fit_many(with_callbacks(), DATA), alone, strict=True):
        np.testing.assert_allclose(one.predict_proba(DATA[0][0]), other.predict_proba(DATA[0][0]), atol=1e-8)
        np.testing.assert_array_equal(one.history_["accuracy"], other.history_["accuracy"])


def test_callbacks_on_batches_are_called():
    class Clipper(Callback):
        norms: list[float] = []  # noqa: RUF012

        def on_grad_computed(self, net, named_parameters, **kwargs):
            gradients = [parameter.grad for _, parameter in named_parameters]
            self.norms.append(float(torch.cat([g.ravel() for g in gradients]).norm()))
            for gradient in gradients:
                gradient.zero_()

    clipped, free = fit_many(
        [net.set_params(callbacks=c) for net, c in zip(nets_like({"epochs": 2}), ([Clipper()], None), strict=False)],
        DATA[:2],
    )
    untrained = clone(clipped).set_params(epochs=0, callbacks=None).fit(*DATA[0])
    assert min(Clipper.norms) > 0
    np.testing.assert_array_equal(clipped.predict_proba(DATA[0][0]), untrained.predict_proba(DATA[0][0]))
    assert len(free.history_) == 2


@pytest.mark.parametrize(("many", "data", "match"), [(1, 2, "Got 2 for 1"), (2, 1, "Got 1 for 2")])
def test_a_dataset_for_each(many, data, match):
    with pytest.raises(ValueError, match=match):
        fit_many([NetClassifier() for _ in range(many)], DATA[:data])


def test_the_same_object_twice_is_refused():
    net = NetClassifier(epochs=1)
    with pytest.raises(ValueError, match="Got one of them twice"):
        fit_many([net, net], DATA[:2])


@pytest.mark.parametrize(
    "params",
    [{}, {"layer_norm": True, "residual": True}, {"activation": "gelu"}, {"activation": "square", "bias": False}],
    ids=str,
)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_by_hand_is_that_of_autograd(params, loss, weighted):
    torch.manual_seed(0)
    options = {"depth": 3, "width": 7, "activation": "relu", **params}
    networks = [MLP([], 3, 2, **options).double() for _ in range(3)]
    X = torch.randn(3, 11, 3, dtype=torch.float64)
    classes = loss in NetClassifier._losses
    y = torch.randint(2, (3, 11)) if classes else torch.randn(3, 11, 2, dtype=torch.float64)
    weight = torch.rand(3, 11, dtype=torch.float64) if weighted else None
    criterion, with_gradient = LOSSES[loss]
    stack = Stack(networks, [torch.default_generator] * 3)
    losses, _ = stack.step(with_gradient, X, y, weight)
    for k, network in enumerate(networks):
        each = criterion(reduction="none")(network(X[k]), y[k]).reshape(11, -1).mean(1)
        expected = each.mean() if weight is None else each @ weight[k] / weight[k].sum()
        torch.testing.assert_close(losses[k], expected)
        expected.backward()
    for own, parameter in stack.pairs(stack.gradient):
        torch.testing.assert_close(own, parameter.grad)


IN_ANY_STACK = """
from estimators import NetClassifier, fit_many
from toymanifold import make_spiral

OPTIONS = [
    {},
    {"activation": "silu", "layer_norm": True},
    {"activation": "gelu", "dropout": 0.3, "prior": "polar"},
]

def weights(seeds, options):
    odd = {"width": 7, "epochs": 30, "batch_size": 40, "learning_rate": 0.01, **options}
    nets = [NetClassifier(**odd, weight_decay=0.1 * (seed % 2), random_state=seed) for seed in seeds]
    fit_many(nets, [make_spiral(101, random_state=seed) for seed in seeds])
    return {s: [p.detach().numpy().tobytes() for p in net.net_.module_.parameters()] for s, net in zip(seeds, nets)}

for options in OPTIONS:
    whole = weights(range(7), options)
    for seeds in ((3,), (6, 5, 4, 3), (3, 0)):
        assert weights(seeds, options).items() <= whole.items(), (options, seeds)
"""


def test_no_bit_of_a_net_depends_on_its_stack():
    """Alone, first or last, of two or of seven: the same weights, if MKL computes reproducibly."""
    environment = {**os.environ, "MKL_CBWR": "AUTO", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", IN_ANY_STACK], env=environment, check=True)


def test_nets_that_differ_in_seed_rates_and_length_have_one_key():
    key, n_together = batch_key(NetClassifier(**EXACT), 150)
    assert n_together == 2**19 // (100 * 8 * 8)
    assert batch_key(NetClassifier(**EXACT, random_state=3, weight_decay=0.1, checkpoints=(5,)), 150)[0] == key
    for other in ({"layer_norm": True}, {"width": 9}, {"loss": "focal"}, {"dropout": 0.1}, {"batch_size": 99}):
        assert batch_key(NetClassifier(**{**EXACT, **other}), 150)[0] != key
    assert batch_key(NetClassifier(**EXACT), 151)[0] != key


@pytest.mark.parametrize(
    "loner",
    [KNeighborsClassifier(), NetClassifier(verbose=1), NetClassifier(warm_start=True), NetRegressor(callbacks=[0])],
)
def test_some_are_fitted_alone(loner):
    assert batch_key(loner, 100) is None


def test_a_gpu_takes_more_nets_at_once(monkeypatch):
    """Without torch a GPU is known by torch's build and the NVIDIA driver, unless the environment hides it."""
    monkeypatch.setattr(fit_many_module, "version", lambda _: "2.9.0")
    monkeypatch.setattr(fit_many_module.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    of_gpu, of_cpu = 2**27 // (100 * 8 * 8), 2**19 // (100 * 8 * 8)
    assert batch_key(NetClassifier(**EXACT), 150)[1] == of_gpu
    assert batch_key(NetClassifier(**EXACT, device="cpu"), 150)[1] == of_cpu
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert batch_key(NetClassifier(**EXACT), 150)[1] == of_cpu
    assert batch_key(NetClassifier(**EXACT, device="cuda:1"), 150)[1] == of_gpu
