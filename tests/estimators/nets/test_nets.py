import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping, EpochTimer

from estimators import PRIORS, NetClassifier, NetRegressor, PolarCoordinates
from estimators.nets.compiled import order
from toymanifold import make_sphere, make_spiral

X, y = make_spiral(300, random_state=0)
VALUES = make_sphere(300, dimension=2, target="harmonic", task="regression", random_state=0)
SMALL = {"width": 8, "epochs": 5, "random_state": 0}


def fitted(**params):
    return NetClassifier(**{**SMALL, **params}).fit(X, y)


def fitted_regressor(**params):
    return NetRegressor(**{**SMALL, **params}).fit(*VALUES)


OPTIONS = [
    {"depth": 0},
    {"depth": 5, "width": 4},
    {"activation": "tanh"},
    {"layer_norm": True, "dropout": 0.2},
    {"loss": "focal", "weight_decay": 0.1},
    {"standardize": False},
    {"activation": "square", "loss": "one_hot_squared_error", "bias": False},
    {"batch_size": 10_000},
    {"residual": True, "init_scale": 2.0},
    {"schedule": "cosine", "dtype": "float64"},
    {"early_stopping": True, "patience": 2, "epochs": 20},
    {"prior": PolarCoordinates(center=[0.1, 0.2], learn_center=True)},
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


def test_gradients_are_the_differences_of_the_values():
    net, h = fitted_regressor(activation="tanh", prior="polar-sincos"), 1e-6
    points = VALUES[0][:20]
    differences = [(net.predict(points + h * e) - net.predict(points - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(net.gradients(points)[:, :, 0], np.transpose(differences), rtol=1e-5, atol=1e-8)


def test_a_square_net_without_constants_is_a_quadratic_form():
    net = fitted(depth=1, activation="square", bias=False, standardize=False)
    np.testing.assert_allclose(net._outputs(3 * X), 9 * net._outputs(X), rtol=1e-12)


@pytest.mark.parametrize("loss", NetClassifier._losses)
def test_probabilities_sum_to_one_and_go_with_the_prediction(loss):
    net = fitted(loss=loss)
    proba = net.predict_proba(X)
    assert proba.min() >= 0
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(net.predict(X), proba.argmax(axis=1))


def test_none_by_name_is_no_prior():
    np.testing.assert_array_equal(fitted(prior="none").predict_proba(X), fitted(prior=None).predict_proba(X))


@pytest.mark.parametrize("prior", [None, *PRIORS])
def test_first_layer_sees_standardised_coordinates(prior):
    module = fitted(prior=prior).net_.module_
    features = module.inputs(torch.tensor(X, dtype=torch.float32))
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(0, correction=0), 1, atol=1e-4)


def test_constant_feature_does_no_harm():
    constant = np.column_stack([X, np.full(len(X), 3.0)])
    assert np.isfinite(NetClassifier(**SMALL).fit(constant, y).predict_proba(constant)).all()


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"loss": "huber"}, {"standardize": False}])
def test_regressor_is_reproducible_and_seeds_bind(options):
    one, same, other = (fitted_regressor(**options, random_state=seed).predict(VALUES[0]) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_regression_does_not_depend_on_the_scale_of_its_targets(factor):
    points, values = VALUES
    predicted = fitted_regressor().fit(points, factor * values + 3 * factor).predict(points)
    np.testing.assert_allclose(predicted / factor - 3, fitted_regressor().predict(points), atol=1e-4)


def test_several_targets_are_learnt_at_once():
    points, values = VALUES
    both = NetRegressor(epochs=100, random_state=0).fit(points, np.column_stack([values, -2 * values]))
    predicted = both.predict(points)
    assert predicted.shape == (300, 2)
    assert both.score(points, np.column_stack([values, -2 * values])) > 0.9


def test_float32_stays_float32():
    single = X.astype(np.float32)
    assert fitted().predict_proba(single).dtype == np.float32
    assert fitted_regressor().predict(VALUES[0].astype(np.float32)).dtype == np.float32


def test_strings_and_many_classes_are_labels():
    points, labels = make_spiral(400, arms=4, density="uniform", random_state=0)
    names = np.array(["north", "east", "south", "west"])[labels]
    net = NetClassifier(**SMALL).fit(points, names)
    assert net.classes_.tolist() == ["east", "north", "south", "west"]
    assert set(net.predict(points)) <= set(names)


def test_weights_count_as_copies():
    """In double precision and one batch, a point of weight 2 counts twice, and one of weight 0 does not count."""
    weight = np.arange(len(X)) % 3
    options = {"batch_size": 1000, "dtype": "float64", "loss": "focal"}
    weighted = NetClassifier(**SMALL, **options).fit(X, y, sample_weight=weight)
    copied = NetClassifier(**SMALL, **options).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict_proba(X), copied.predict_proba(X), rtol=1e-9)


def test_a_warm_start_goes_on_where_the_fit_ended():
    """Ten epochs at once and five and five: the loss goes on falling, and the history goes on."""
    net = fitted(warm_start=True, epochs=5, learning_rate=0.01)
    first = net.history_["train_loss"].to_list()
    net.fit(X, y)
    assert net.history_["train_loss"].to_list()[:5] == first
    assert len(net.history_) == 10
    assert net.history_["train_loss"].iloc[-1] < first[-1]


def test_a_cold_start_forgets():
    net = fitted()
    before = net.predict_proba(X)
    np.testing.assert_array_equal(net.fit(X, y).predict_proba(X), before)


def test_a_warm_start_refuses_other_classes():
    net = fitted(warm_start=True)
    with pytest.raises(ValueError, match=r"The 'y' parameter of NetClassifier must be among .*\[0, 1\]. Got 7 instead"):
        net.fit(X, np.where(y == 1, 7, 0))


def test_partial_fit_is_one_pass_at_a_time():
    net = NetClassifier(**SMALL, learning_rate=0.01)
    net.partial_fit(X[:50][y[:50] == 1], y[:50][y[:50] == 1], classes=[0, 1])
    for _ in range(50):
        net.partial_fit(X, y)
    assert net.classes_.tolist() == [0, 1]
    assert len(net.history_) == 51
    assert net.history_["train_loss"].iloc[-1] < net.history_["train_loss"].iloc[1]


@pytest.mark.parametrize(("labels", "rare"), [([0, 1, 7], "7"), (["in", "out", "rare"], "'rare'")])
def test_early_stopping_refuses_a_class_of_one_row_by_its_label(labels, rare):
    y = np.array([*np.tile(labels[:2], 10), labels[2]])
    with pytest.raises(ValueError, match=f"'y' parameter of NetClassifier .*1 row of {rare}"):
        NetClassifier(epochs=2, early_stopping=True).fit(np.arange(42.0).reshape(21, 2), y)


def test_early_stopping_stops_and_keeps_the_best():
    """Labels that are noise cannot be learnt, so the validation loss soon rises."""
    rng = np.random.default_rng(0)
    points, labels = rng.standard_normal((200, 2)), rng.integers(2, size=200)
    net = NetClassifier(epochs=500, learning_rate=0.02, early_stopping=True, patience=5, random_state=0)
    history = net.fit(points, labels).history_
    assert len(history) < 100
    assert len(history) - 1 - history["valid_loss"].argmin() == 5
    longer = NetClassifier(**{**net.get_params(), "patience": 200, "epochs": int(history["valid_loss"].argmin()) + 1})
    np.testing.assert_array_equal(longer.fit(points, labels).predict_proba(points), net.predict_proba(points))


def test_a_net_as_of_a_checkpoint_is_that_of_the_shorter_training():
    net = fitted(epochs=20, checkpoints=(3, 10, 20), batch_size=100, dropout=0.1)
    for epochs in net.checkpoints:
        early, short = net.as_of(epochs), fitted(epochs=epochs, batch_size=100, dropout=0.1)
        np.testing.assert_array_equal(early.predict_proba(X), short.predict_proba(X))
        assert early.history_["train_loss"].to_list() == short.history_["train_loss"].to_list()
        assert (early.epochs, len(net.history_)) == (epochs, 20)


def test_a_regressor_as_of_a_checkpoint_is_that_of_the_shorter_training():
    early, short = fitted_regressor(checkpoints=(1, 5)).as_of(1), fitted_regressor(epochs=1)
    np.testing.assert_array_equal(early.predict(VALUES[0]), short.predict(VALUES[0]))


def test_the_initial_net_is_one_of_no_epochs():
    np.testing.assert_array_equal(fitted(checkpoints=(0, 5)).as_of(0)._outputs(X), fitted(epochs=0)._outputs(X))


@pytest.mark.parametrize(("params", "epoch"), [({}, 3), ({"checkpoints": (3,)}, 2)])
def test_no_net_as_of_an_epoch_that_was_not_kept(params, epoch):
    with pytest.raises(ValueError, match=rf"The 'epoch' parameter of NetClassifier.as_of must be among .* Got {epoch}"):
        fitted(**params).as_of(epoch)


def test_a_schedule_and_early_stopping_know_where_a_training_ends():
    with pytest.raises(ValueError, match="needs early_stopping=False and schedule='constant'"):
        fitted(checkpoints=(3,), schedule="cosine").as_of(3)


def test_cosine_brings_the_rate_to_nothing():
    """The last epochs change the weights much less than those of a constant rate."""
    nets = [fitted(schedule=schedule, epochs=epochs) for schedule in ("cosine", "constant") for epochs in (30,)]
    changes = [np.diff(net.history_["train_loss"])[-1] for net in nets]
    assert abs(changes[0]) < abs(changes[1]) / 20


@pytest.mark.parametrize(("init_scale", "verdict"), [(0.5, "vanish"), (6**0.5, "hold"), (6.0, "explode")])
def test_gradients_vanish_hold_or_explode_with_the_initial_scale(init_scale, verdict):
    """He et al. 2015: with ReLU a gradient's norm is kept from layer to layer at a weight variance of 2 / fan_in."""
    net = NetClassifier(depth=20, width=256, epochs=0, init_scale=init_scale, random_state=0).fit(X, y)
    module = net.net_.module_
    module(torch.tensor(X, dtype=torch.float32)).sum().backward()
    early, late = (float(module.body[2 * layer].bias.grad.norm()) for layer in (1, 19))
    ratio = (early / late) ** (1 / 18)  # a layer
    assert {"vanish": ratio < 0.5, "hold": 0.8 < ratio < 1.25, "explode": ratio > 2}[verdict]


def test_residual_layers_add_their_input():
    body = fitted(depth=3, residual=True).net_.module_.body
    assert [type(layer).__name__ for layer in body] == ["Linear", "ReLU", "Residual", "Residual", "Linear"]
    hidden = torch.randn(4, 8)
    linear = body[2][0]
    torch.testing.assert_close(body[2](hidden), hidden + torch.relu(linear(hidden)))


def test_a_centre_can_be_given_and_can_be_learnt():
    shift = np.array([0.3, -0.2])
    given = NetClassifier(**SMALL, prior=PolarCoordinates(center=shift)).fit(X + shift, y)
    np.testing.assert_allclose(given.predict_proba(X + shift), fitted(prior="polar").predict_proba(X), atol=1e-4)


def test_the_centre_of_a_cone_is_learnt():
    """The distance from a point is linear in polar coordinates about it, and about no other."""
    center = np.array([0.3, -0.2])
    prior = PolarCoordinates(learn_center=True)
    options = {"epochs": 1000, "learning_rate": 0.05, "schedule": "cosine", "batch_size": 300}
    net = NetRegressor(depth=0, prior=prior, random_state=1, **options)  # from other weights it may not be found
    net.fit(X, np.linalg.norm(X - center, axis=1))
    np.testing.assert_allclose(net.net_.module_.inputs[0].center.detach().numpy(), center, atol=0.01)


def test_verbose_prints_the_losses_and_silence_is_silent(capsys):
    fitted(early_stopping=True, patience=1, epochs=50)
    assert capsys.readouterr().out == ""
    fitted(verbose=1)
    assert "train_loss" in capsys.readouterr().out


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
    bare = clone(net).set_params(epochs=0).fit(X, y).net_.module_.body
    optimizer = torch.optim.AdamW(bare.parameters(), lr=1e-3, weight_decay=0.1)
    for epoch in range(20):
        rows = torch.from_numpy(order(np.random.RandomState(0).randint(2**31), epoch, len(X), 64))
        assert sorted(rows.tolist()) == list(range(len(X)))
        for batch in rows.split(64):
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
    assert net.history_["epoch"].to_list() == [1, 2, 3, 4, 5]
    assert net.history_["train_loss"].is_monotonic_decreasing


def test_history_holds_the_mean_loss_of_the_epoch():
    """At a rate that changes nothing, the epoch's loss is the loss of the whole sample, uneven batches or not."""
    net = fitted(learning_rate=1e-12, epochs=1, batch_size=128)
    proba = net.predict_proba(X)[np.arange(len(y)), y]
    assert net.net_.history[-1, "train_loss"] == pytest.approx(-np.log(proba).mean(), rel=1e-5)


def test_net_survives_pickling():
    net = fitted(prior="polar", loss="focal", early_stopping=True, checkpoints=(2,), schedule="cosine")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).predict_proba(X), net.predict_proba(X))


def test_net_works_in_a_search_and_in_parallel():
    search = GridSearchCV(NetClassifier(**SMALL), {"prior": [None, "phase"], "width": [4]}, cv=2).fit(X, y)
    assert search.best_params_["prior"] in (None, "phase")
    assert cross_val_score(NetClassifier(**SMALL), X, y, cv=2, n_jobs=2).shape == (2,)


def test_predictions_of_a_row_do_not_depend_on_the_other_rows():
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
        ("init_scale", -1.0),
        ("schedule", "linear"),
        ("validation_fraction", 1.0),
        ("patience", 0),
        ("dtype", "float16"),
        ("device", "abacus"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(param, bad):
    with pytest.raises(ValueError, match=f"The '{param}' parameter of NetClassifier must be .* Got {bad!r} instead"):
        NetClassifier(**{param: bad}).fit(X, y)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 classes\. Got 1 class"):
        NetClassifier(**SMALL).fit(X, np.zeros(len(X)))


@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
@pytest.mark.parametrize("options", [{}, {"prior": "polar"}, {"callbacks": [Callback()]}, {"dtype": "float64"}])
def test_views_are_as_their_copies(kind, options):
    """Reversed rows and columns have negative strides, which torch does not take."""
    view, labels, columns = X[::-1], y[::-1], np.fliplr(X)
    net = kind(**SMALL, **options).fit(view, labels)
    copy = kind(**SMALL, **options).fit(view.copy(), labels.copy())
    for points in (view, columns, np.asfortranarray(X), X[::2]):
        np.testing.assert_array_equal(net.predict(points), copy.predict(points.copy()))
    assert_equal_after_partial_fit(net, copy, view, labels)


def assert_equal_after_partial_fit(net, copy, points, labels):
    net.partial_fit(points, labels)
    copy.partial_fit(points.copy(), labels.copy())
    np.testing.assert_allclose(net.gradients(points), copy.gradients(points), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("offset", [1e4, 1e6, 1e8])
@pytest.mark.parametrize("callbacks", [None, [Callback()]], ids=["compiled", "skorch"])
def test_points_far_from_the_origin_keep_their_differences(offset, callbacks):
    net = NetClassifier(prior=None, width=8, epochs=60, learning_rate=0.03, random_state=0, callbacks=callbacks)
    near = clone(net).fit(X, y).score(X, y)
    assert near > 0.8
    assert net.fit(X + offset, y).score(X + offset, y) == pytest.approx(near, abs=0.02)


def test_targets_far_from_zero_keep_their_differences():
    points, values = VALUES
    near = fitted_regressor(epochs=50).predict(points)
    far = NetRegressor(**{**SMALL, "epochs": 50}).fit(points, values + 1e9).predict(points)
    np.testing.assert_allclose(far - 1e9, near, atol=1e-4)


def test_the_number_of_outputs_cannot_change():
    points, values = VALUES
    two = np.column_stack([values, values])
    net = NetRegressor(**SMALL).partial_fit(points, two)
    with pytest.raises(ValueError, match=r"The 'y' parameter of NetRegressor must be of shape .*2.*, as in the first"):
        net.partial_fit(points, values)
    with pytest.raises(ValueError, match=r"The 'y' parameter of NetRegressor must be of shape"):
        NetRegressor(**SMALL).partial_fit(points, values).partial_fit(points, two)


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps", "meta", "gpu", ""])
def test_a_device_that_is_not_there_is_refused_by_name(device):
    if device.startswith("cuda") and torch.cuda.is_available():
        pytest.skip("the device is there")
    with pytest.raises(ValueError, match="The 'device' parameter of NetClassifier must be \"auto\" or a torch device"):
        fitted(device=device)


def test_a_gpu_is_not_touched_unless_it_is_asked_for(monkeypatch):
    """CUDA cannot start in the children of a fork server."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: pytest.fail("CUDA was initialised"))
    for options in ({}, {"dropout": 0.1, "prior": "polar"}, {"callbacks": [Callback()]}):
        net = fitted(**options)
        net.predict_proba(X)
        net.gradients(X)
        net.net_.predict(X)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="NOT TESTED ON A GPU: there is none")
@pytest.mark.parametrize("options", [{}, {"dropout": 0.2}, {"layer_norm": True, "prior": "polar"}])
def test_a_net_on_a_gpu_is_that_on_the_cpu(options):
    net = fitted(device="cuda", checkpoints=(2,), **options)
    cpu = fitted(checkpoints=(2,), **options)
    assert (net.engine_, next(net.net_.module_.parameters()).device.type) == ("skorch", "cuda")
    for a, b in ((net, cpu), (net.as_of(2), cpu.as_of(2)), (pickle.loads(pickle.dumps(net)), cpu)):
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-3)
    np.testing.assert_allclose(
        net.partial_fit(X, y).gradients(X), cpu.partial_fit(X, y).gradients(X), rtol=0.1, atol=1e-2
    )


@pytest.mark.parametrize(
    "callbacks",
    [EarlyStopping, EarlyStopping("train_loss"), [3], ["early"], "early"],
    ids=["class", "bare", "3", "names", "name"],
)
def test_other_things_than_a_list_of_callbacks_are_refused(callbacks):
    with pytest.raises(ValueError, match="'callbacks' parameter of NetClassifier must be a list of skorch callbacks"):
        fitted(callbacks=callbacks)


def test_callbacks_can_be_classes_and_have_names():
    net = fitted(callbacks=[EpochTimer, ("mine", EarlyStopping("train_loss", patience=1, threshold=1.0))])
    assert len(net.history_) == 2


@pytest.mark.parametrize(("n", "fraction"), [(5, 0.1), (9, 0.9)])
def test_a_validation_part_has_a_point_of_each_class(n, fraction):
    with pytest.raises(
        ValueError, match=f"'validation_fraction' parameter of NetClassifier must be such that {n} points"
    ):
        NetClassifier(early_stopping=True, validation_fraction=fraction).fit(X[:n], [0, 1, 0, 1, 0, 1, 0, 1, 0][:n])
    with pytest.raises(ValueError, match="'validation_fraction' parameter of NetRegressor must be such that 1 points"):
        NetRegressor(early_stopping=True).fit(X[:1], [1.0])


@pytest.mark.parametrize("weight", [1e-46, 1e39, 1e-300, 1e300])
def test_weights_count_relative_to_each_other(weight):
    plain = fitted().predict_proba(X)
    weighted = NetClassifier(**SMALL).fit(X, y, sample_weight=np.full(len(X), weight)).predict_proba(X)
    np.testing.assert_allclose(weighted, plain, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-90, 1e-40, 1e-15, 1e15, 1e40, 1e90])
@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
def test_points_of_any_scale_are_learnt_alike(kind, scale):
    near = kind(**SMALL).fit(X, y).predict(X)
    np.testing.assert_allclose(kind(**SMALL).fit(scale * X, y).predict(scale * X), near, atol=1e-3)


@pytest.mark.parametrize(
    ("dtype", "scale"), [("f8", 1e110), ("f8", 1e300), ("f8", 1e-110), ("f4", 1e30), ("f4", 1e-30)]
)
def test_a_scale_whose_squares_are_not_numbers_is_refused_by_name(dtype, scale):
    with pytest.raises(
        ValueError, match="The 'X' parameter of NetClassifier must be of numbers whose largest absolute"
    ):
        NetClassifier(**SMALL).fit((scale * X).astype(dtype), y)
    with pytest.raises(ValueError, match="The 'y' parameter of NetRegressor must be of numbers whose largest absolute"):
        NetRegressor(**SMALL).fit(X.astype(dtype), scale * (X[:, 0] + 3))
