from multiprocessing import get_context

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from skorch.callbacks import Callback, EarlyStopping

from estimators import NetClassifier, fit_many
from toymanifold import make_spiral

DATA = [make_spiral(150, random_state=seed) for seed in range(4)]
EXACT = {"width": 8, "epochs": 40, "batch_size": 100, "learning_rate": 0.01, "dtype": "float64"}


def nets_like(params, kind=NetClassifier):
    return [kind(**{**EXACT, **params, "random_state": seed}) for seed in range(4)]


@pytest.mark.parametrize("n_jobs", [None, 3])
def test_each_net_is_what_its_own_fit_makes(n_jobs):
    """Bit for bit: whatever else is fitted, in how many threads."""
    options = [{}, {"prior": "polar", "dropout": 0.3}, {"dtype": "float32", "layer_norm": True}, {"batch_size": 32}]
    nets = [NetClassifier(**{**EXACT, **params, "random_state": 0}) for params in options]
    alone = [clone(net).fit(*data) for net, data in zip(nets, DATA, strict=True)]
    for one, other in zip(fit_many(nets, DATA, n_jobs=n_jobs), alone, strict=True):
        np.testing.assert_array_equal(one._trained.state.values, other._trained.state.values)


def test_threads_that_fit_the_same_net_do_not_disturb_each_other():
    nets = [NetClassifier(epochs=3, random_state=0) for _ in range(16)]
    state = torch.get_rng_state()
    fit_many(nets, [DATA[0]] * 16, n_jobs=8)
    for net in nets:
        np.testing.assert_array_equal(net._trained.state.values, nets[0]._trained.state.values)
    assert torch.equal(torch.get_rng_state(), state)


def _fit_in_child(queue):
    queue.put(NetClassifier(epochs=3, random_state=0).fit(*DATA[0]).predict(DATA[0][0]))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork")
def test_a_forked_child_fits_after_its_parent_has():
    expected = NetClassifier(epochs=3, random_state=0).fit(*DATA[0]).predict(DATA[0][0])
    context = get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_fit_in_child, args=(queue,), daemon=True)
    child.start()
    np.testing.assert_array_equal(queue.get(timeout=60), expected)
    child.join()


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
        NetClassifier(**{**EXACT, "learning_rate": 1e200, "random_state": 0}).fit(*DATA[0])


def test_callbacks_that_nets_share_are_copied_for_each():
    """As in separate fits, in which skorch starts the same callback anew: here 6, 4 and 6 epochs."""
    stopping = [EarlyStopping("train_loss", patience=2, threshold=0.05)]
    nets = [NetClassifier(width=8, learning_rate=0.05, callbacks=stopping, random_state=seed) for seed in range(3)]
    alone = [len(clone(net).fit(*data).history_) for net, data in zip(nets, DATA, strict=False)]
    assert [len(net.history_) for net in fit_many(nets, DATA[:3])] == alone
    assert len({id(callback) for net in nets for callback in net.callbacks}) == 3


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
