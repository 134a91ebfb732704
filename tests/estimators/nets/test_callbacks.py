"""Callbacks of skorch, all that need no other package: they work as skorch documents them."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch import callbacks as of_skorch
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    GradientNormClipping,
    Initializer,
    LoadInitState,
    LRScheduler,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    TrainEndCheckpoint,
    Unfreezer,
    WarmRestartLR,
)

from estimators import NetClassifier
from toymanifold import make_spiral

X, y = make_spiral(120, random_state=0)
NET = NetClassifier(width=8, epochs=4, batch_size=50, learning_rate=0.01, random_state=0)

ELSEWHERE = {"MlflowLogger", "NeptuneLogger", "TensorBoard", "SacredLogger", "WandbLogger"}  # need other packages
OF_THE_MODULE = {"InputShapeSetter"}  # constructs the module anew, whose layers are those of the data


def fit(*callbacks, **params):
    return clone(NET).set_params(callbacks=list(callbacks), **params).fit(X, y)


def weights(net):
    return {name: parameter.detach().clone() for name, parameter in net.net_.module_.named_parameters()}


def changed(net):
    """Return the layers whose weights are not the initial ones."""
    initial = weights(fit(epochs=0))
    return {name.split(".")[1] for name, now in weights(net).items() if not torch.equal(now, initial[name])}


def test_all_callbacks_of_skorch_are_tried_here():
    tried = {name for name in of_skorch.__all__ if name in globals()}
    assert set(of_skorch.__all__) == tried | ELSEWHERE | OF_THE_MODULE


def test_a_net_with_a_callback_is_the_net_without():
    net, alone = fit(Callback()), clone(NET).fit(X, y)
    np.testing.assert_allclose(net.predict_proba(X), alone.predict_proba(X), atol=1e-5)


def test_freezer():
    assert changed(fit(weight_decay=0.1)) == {"0", "2", "4", "6"}
    assert changed(fit(Freezer("body.0*"), weight_decay=0.1)) == {"2", "4", "6"}
    assert changed(fit(Freezer("*"))) == set()


def test_what_is_frozen_stays_frozen_in_a_fit_that_goes_on():
    net = fit(Freezer("body.0*"), warm_start=True)
    assert changed(net.set_params(callbacks=None).fit(X, y)) == {"2", "4", "6"}


def test_unfreezer():
    assert changed(fit(Freezer("body.0*"), Unfreezer("body.0*", at=4))) == {"0", "2", "4", "6"}
    assert changed(fit(Freezer("body.0*"), Unfreezer("body.0*", at=5))) == {"2", "4", "6"}


def test_initializer_and_param_mapper():
    zeros = torch.nn.init.zeros_
    assert weights(fit(Initializer("body.0.weight", fn=zeros), learning_rate=1e-9))["body.0.weight"].abs().max() < 1e-6
    mapped = fit(ParamMapper("body.2.weight", fn=zeros, at=4), learning_rate=1e-9)
    assert weights(mapped)["body.2.weight"].abs().max() < 1e-6
    assert "0" in changed(mapped)


@pytest.mark.parametrize("monitor", ["valid_loss_best", "train_loss_best", None, lambda net: len(net.history) == 2])
def test_checkpoint(tmp_path, monitor):
    checkpoint = Checkpoint(monitor=monitor, dirname=tmp_path, load_best=monitor != "valid_loss_best")
    fit(checkpoint, early_stopping=True)
    assert (tmp_path / "params.pt").exists()
    assert (tmp_path / "history.json").exists()


def test_load_init_state(tmp_path):
    first = fit(Checkpoint(monitor=None, dirname=tmp_path))
    again = fit(LoadInitState(Checkpoint(dirname=tmp_path)), epochs=0)
    np.testing.assert_allclose(again.predict_proba(X), first.predict_proba(X), atol=1e-6)


def test_train_end_checkpoint(tmp_path):
    fit(TrainEndCheckpoint(dirname=tmp_path))
    assert (tmp_path / "train_end_params.pt").exists()


def test_scorings():
    accuracy = EpochScoring("accuracy", lower_is_better=False, on_train=True)
    by_batch = BatchScoring("accuracy", name="by_batch", on_train=True)
    history = fit(
        accuracy, by_batch, EpochTimer(), Doubled(), PassthroughScoring("doubled", on_train=True)
    ).net_.history
    assert 0 <= history[-1, "accuracy"] <= 1
    assert history[-1, "accuracy_best"] in (True, False)
    assert 0 <= history[-1, "by_batch"] <= 1
    np.testing.assert_allclose(history[:, "doubled"], 2 * np.array(history[:, "train_loss"]))
    assert np.shape(history[:, "batches", :, "train_loss"]) == (4, 3)


class Doubled(Callback):
    def on_batch_end(self, net, **kwargs):
        net.history.record_batch("doubled", 2 * net.history[-1, "batches", -1, "train_loss"])


def test_printers(capsys):
    fit(PrintLog(), verbose=1)
    assert capsys.readouterr().out.count("train_loss") >= 1
    fit(ProgressBar(detect_notebook=False))
    assert "it/s" in capsys.readouterr().err


def test_gradient_norm_clipping():
    """AdamW does not see the scale of gradients, but the square of a clipped one is small."""
    net = fit(GradientNormClipping(1e-6))
    assert max(state["exp_avg_sq"].max() for state in net.net_.optimizer_.state.values()) < 1e-12


def test_learning_rate_schedulers():
    net = fit(LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.1))
    assert net.net_.optimizer_.param_groups[0]["lr"] == pytest.approx(1e-6)
    assert changed(fit(LRScheduler(WarmRestartLR, min_lr=0, max_lr=0))) == set()


def test_early_stopping():
    assert len(fit(EarlyStopping("train_loss", patience=2, threshold=0.5), epochs=50).history_) < 10


def test_what_a_callback_writes_counts():
    class Zero(Callback):
        def on_epoch_end(self, net, **kwargs):
            with torch.no_grad():
                net.module_.body[-1].weight.zero_()
                net.module_.body[-1].bias.zero_()

    np.testing.assert_array_equal(fit(Zero()).predict_proba(X), 0.5)


def test_weights_that_are_changed_after_the_fit_count():
    net = clone(NET).fit(X, y)
    with torch.no_grad():
        net.net_.module_.body[-1].weight.zero_()
        net.net_.module_.body[-1].bias.zero_()
    np.testing.assert_array_equal(net.predict_proba(X), 0.5)
