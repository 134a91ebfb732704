import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import Callback

import estimators.pretrained as module
from estimators import MinimumNorm, NetClassifier, NetRegressor, PolarCoordinates, Pretrained, make_learner
from estimators.hashing import are_equal
from toymanifold import gaussian_problem, make_sphere, make_spiral, modular_problem

X, y = make_spiral(60, turns=2, random_state=0)
NET = NetClassifier(depth=2, width=8, epochs=5, batch_size=20, learning_rate=0.01, random_state=3)
SPIRAL = {"source": "spiral", "source_params": {"turns": 2}, "n_source": 100, "random_state": 0}
FITTED = clone(NET).fit(*make_spiral(100, turns=2, random_state=1))


def weights(net):
    """Return the weights and constants of each layer of a net."""
    arrays = [p.detach().numpy().copy() for p in net.net_.module_.body.parameters()]
    return list(zip(arrays[::2], arrays[1::2], strict=True))


def kept(net, source):
    """Return for each layer whether a net has the weights of its source."""
    pairs = zip(weights(net), weights(source), strict=True)
    return [all(np.array_equal(a, b) for a, b in zip(own, theirs, strict=True)) for own, theirs in pairs]


def test_it_goes_on_from_the_source():
    before = Pretrained(clone(NET).set_params(learning_rate=1e-9), FITTED).fit(X, y)
    np.testing.assert_allclose(before.predict_proba(X), FITTED.predict_proba(X), atol=1e-5)
    after = Pretrained(NET, FITTED).fit(X, y)
    assert log_loss(y, after.predict_proba(X)) < log_loss(y, FITTED.predict_proba(X))
    assert len(after.estimator_.history_) == NET.epochs


@pytest.mark.parametrize("callbacks", [None, [Callback()]], ids=["compiled", "skorch"])
@pytest.mark.parametrize("freeze", range(4))
def test_frozen_layers_keep_the_weights_of_the_source(freeze, callbacks):
    net = clone(NET).set_params(callbacks=callbacks, weight_decay=0.1)
    found = Pretrained(net, FITTED, freeze=freeze).fit(X, y).estimator_
    assert kept(found, FITTED) == [layer < freeze for layer in range(3)]


@pytest.mark.parametrize("freeze", [0, 1, 2])
def test_a_frozen_layer_has_its_norm_and_what_the_prior_has_learnt(freeze):
    options = {"prior": PolarCoordinates(learn_center=True), "layer_norm": True, "residual": True, "dropout": 0.1}
    net = clone(NET).set_params(**options)
    source = clone(net).fit(X, y)
    own = Pretrained(net, source, freeze=freeze).fit(X, y).estimator_.net_.module_
    pairs = zip(own.named_parameters(), source.net_.module_.parameters(), strict=True)
    same = [name for (name, found), theirs in pairs if torch.equal(found.float(), theirs.float())]
    assert len(same) == (0, 5, 9)[freeze]  # the center, and a weight, a constant, a scale and a shift of each layer


@pytest.mark.parametrize("callbacks", [None, [Callback()]], ids=["compiled", "skorch"])
def test_the_optimizer_starts_afresh(callbacks):
    net = clone(NET).set_params(callbacks=callbacks, schedule="cosine")
    short, long = (clone(NET).set_params(epochs=epochs).fit(X, y) for epochs in (1, 20))
    long.net_.module_.load_state_dict(short.net_.module_.state_dict())  # other moments and another number of steps
    ends = [Pretrained(net, source).fit(X, y).predict_proba(X) for source in (short, long)]
    np.testing.assert_array_equal(*ends)


def test_a_source_stays_as_it_is():
    before = pickle.dumps(FITTED.predict_proba(X))
    Pretrained(NET, FITTED).fit(X, y)
    clone(Pretrained(NET, FITTED)).fit(X, y)
    assert pickle.dumps(FITTED.predict_proba(X)) == before


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_standardisation_is_that_of_the_source(task):
    kind = NetClassifier if task == "classification" else NetRegressor
    net = kind(width=8, epochs=20, random_state=0)
    points, labels = make_sphere(100, target="linear", task=task, random_state=0)
    far, values = 3 * points + 5, labels if task == "classification" else 7 * labels + 2
    source = clone(net).fit(points, labels)
    pretrained = Pretrained(net, source, freeze=1).fit(far, values)
    assert kept(pretrained.estimator_, source)[0]
    mean, _ = pretrained.estimator_._trained.inputs.scale
    np.testing.assert_array_equal(mean, points.astype(float).mean(axis=0))


def test_a_source_by_name_is_fitted_to_points_of_its_own():
    pretrained = Pretrained(NET, **SPIRAL).fit(X, y)
    points = module.Pretrained(NET, **SPIRAL)._sample("spiral", module.stream(0, module.Split.SOURCE))[0]
    assert not np.isin(points, X).any()  # of the same seed
    assert pretrained.source_.random_state != NET.random_state
    assert Pretrained(NET, **{**SPIRAL, "random_state": 1}).fit(X, y).source_ is not pretrained.source_


def test_a_source_has_a_density_of_its_own_unless_its_seed_is_given():
    def params(**given):
        pretrained = Pretrained(NET, "spiral", source_params=given or None, n_source=500)
        return pretrained._sample("spiral", module.stream(0, module.Split.SOURCE))[0].mean(axis=0)

    assert np.allclose(
        params(problem_seed=4), make_spiral(100_000, problem_seed=4, random_state=0)[0].mean(axis=0), atol=0.1
    )
    assert not np.allclose(params(), params(problem_seed=0), atol=0.1)


@pytest.fixture
def fitted_sources(monkeypatch):
    """Return a list that grows by each sample of a source, of a process that has kept no source."""
    drawn, sample = [], Pretrained._sample
    monkeypatch.setattr(module, "_kept", module.OrderedDict())
    monkeypatch.setattr(Pretrained, "_sample", lambda self, *rest: drawn.append(self) or sample(self, *rest))
    return drawn


def test_the_same_source_is_fitted_once(fitted_sources):
    Pretrained(NET, **SPIRAL).fit(X, y)
    Pretrained(clone(NET).set_params(random_state=4), **SPIRAL, freeze=1).fit(X[:30], y[:30])
    assert len(fitted_sources) == 1
    for other in ({"n_source": 90}, {"source_params": {"turns": 3}}, {"random_state": 2}, {"random_state": None}):
        Pretrained(NET, **{**SPIRAL, **other}).fit(X, y)
    assert (len(fitted_sources), len(module._kept)) == (5, 4)  # one without a seed does not come again


def test_the_number_of_kept_sources_is_bounded(fitted_sources, monkeypatch):
    monkeypatch.setattr(module, "_MOST_KEPT", 2)
    for seed in (0, 1, 0, 2, 0):
        Pretrained(NET, **{**SPIRAL, "random_state": seed}).fit(X, y)
    assert (len(fitted_sources), len(module._kept)) == (3, 2)  # the one that was not used longest goes


def test_a_kept_source_does_not_change_with_the_one_that_is_returned():
    first = Pretrained(NET, **SPIRAL).fit(X, y)
    expected = first.predict_proba(X)
    first.source_.partial_fit(X, 1 - y)
    np.testing.assert_array_equal(Pretrained(NET, **SPIRAL).fit(X, y).predict_proba(X), expected)


def test_results_do_not_depend_on_what_is_kept(monkeypatch):
    warm = [Pretrained(NET, **SPIRAL).fit(X, y).predict_proba(X) for _ in range(2)]
    monkeypatch.setattr(module, "_kept", module.OrderedDict())
    cold = Pretrained(NET, **SPIRAL).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(warm, [cold, cold])


@pytest.mark.parametrize("n_source", [None, 40])
def test_a_source_can_be_data(n_source):
    data = make_spiral(100, turns=2, as_frame=True, random_state=1)
    pretrained = Pretrained(NET, data, n_source=n_source, random_state=0).fit(data[0][:30], data[1][:30])
    assert list(pretrained.feature_names_in_) == ["x0", "x1"]
    assert pretrained.score(*data) > 0.5


def test_data_may_have_names_that_a_source_by_name_has_not():
    frame, labels = make_spiral(30, turns=2, as_frame=True, random_state=1)
    assert list(Pretrained(NET, **SPIRAL).fit(frame, labels).feature_names_in_) == ["x0", "x1"]


@pytest.mark.parametrize("source", [None, "none"])
def test_without_a_source_it_is_the_learner(source):
    plain = clone(NET).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(Pretrained(NET, source).fit(X, y).predict_proba(X), plain)


def test_the_random_state_is_that_of_the_learner_too_if_it_has_none():
    net = clone(NET).set_params(random_state=None)
    one, same, other = (Pretrained(net, FITTED, random_state=s).fit(X, y).predict_proba(X) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_it_goes_through_a_pipeline_and_a_grid():
    grid = {"freeze": [0, 2], "source": ["spiral", FrozenEstimator(FITTED)], "estimator__epochs": [1, 2]}
    pretrained = Pretrained(NET, source_params={"turns": 2}, n_source=50, random_state=0)
    search = GridSearchCV(make_pipeline(pretrained), {f"pretrained__{k}": v for k, v in grid.items()}, cv=2)
    assert len(search.set_params(error_score="raise").fit(X, y).cv_results_["params"]) == 8


def test_a_clone_has_the_same_fitted_source_and_its_own_learner():
    copy = clone(Pretrained(NET, FITTED, freeze=1))
    assert copy.source is FITTED
    assert copy.estimator is not NET
    assert not [name for name in copy.get_params() if name.startswith("source__")]


def test_a_prior_is_inside_the_net_of_the_source_too():
    pretrained = make_learner("pretrained", prior="polar", width=8, epochs=2, **{**SPIRAL, "random_state": 0}).fit(X, y)
    assert pretrained.source_.prior == pretrained.estimator_.prior == "polar"
    assert pretrained.gradients(X).shape == (60, 2, 2)


@pytest.mark.parametrize("source", [(X, y), "fitted"])
def test_a_prior_may_be_what_cannot_be_pickled(source):
    net = clone(NET).set_params(prior=FunctionTransformer(lambda X: 2 * X))
    source = clone(net).fit(X, y) if source == "fitted" else source
    assert Pretrained(net, source, random_state=0).fit(X, y).predict(X).shape == y.shape
    other = clone(NET).set_params(prior=FunctionTransformer(lambda X: 3 * X))
    with pytest.raises(ValueError, match="'prior' parameter of NetClassifier must be"):
        Pretrained(other, clone(net).fit(X, y)).fit(X, y)


def test_priors_that_cannot_be_pickled_differ_where_their_arrays_do():
    """The text of a large array leaves out its middle."""

    def scaled(X, weights):
        return X * weights[20, 20]

    first, second = np.ones((40, 40)), np.ones((40, 40))
    second[20, 20] = 2
    one, other, like_one = (
        FunctionTransformer(scaled, kw_args={"weights": weights}) for weights in (first, second, first.copy())
    )
    assert are_equal(one, like_one)
    assert are_equal(one, clone(one))
    assert not are_equal(one, other)
    assert not are_equal(one, None)


def test_a_fit_that_fails_does_not_fit():
    pretrained = Pretrained(NET, FITTED, freeze=9)
    with pytest.raises(ValueError, match="freeze"):
        pretrained.fit(X, y)
    with pytest.raises(NotFittedError):
        pretrained.predict(X)


def test_it_pickles_with_its_source():
    pretrained = Pretrained(NET, FITTED, freeze=1).fit(X, y)
    copy = pickle.loads(pickle.dumps(pretrained))
    np.testing.assert_array_equal(copy.predict_proba(X), pretrained.predict_proba(X))
    np.testing.assert_array_equal(copy.fit(X, y).predict_proba(X), pretrained.predict_proba(X))


def test_a_source_of_finitely_many_points_has_all_of_them():
    problem = modular_problem(modulus=5)
    net = NetClassifier(width=8, epochs=2, random_state=0)
    pretrained = Pretrained(net, "modular", source_params={"modulus": 5}, random_state=0).fit(*problem.sample(10, 0))
    assert pretrained.source_.classes_.tolist() == [0, 1, 2, 3, 4]


def test_the_random_state_of_the_catalogue_is_that_of_the_source_too():
    params = {"source": "spiral", "n_source": 30, "width": 8, "epochs": 2, "random_state": 5}
    one, same = (make_learner("pretrained", **params).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(one.source_.predict_proba(X), same.source_.predict_proba(X))
    np.testing.assert_array_equal(one.predict_proba(X), same.predict_proba(X))


def test_a_prior_before_least_squares_is_refused():
    with pytest.raises(ValueError, match="'prior' parameter of with_prior must be None before a Pretrained"):
        make_learner("pretrained", task="regression", learner="minimum-norm", prior="polar")


def test_least_squares_goes_on_from_the_coefficients_of_the_source():
    problem = gaussian_problem(dimension=30, cosine=0.8)
    points, values = problem.sample(10, 0)
    pretrained = Pretrained(MinimumNorm(), "gaussian", source_params={"dimension": 30}, n_source=50).fit(points, values)
    np.testing.assert_allclose(pretrained.source_.coef_, np.eye(30)[0], atol=1e-12)
    np.testing.assert_allclose(pretrained.estimator_.coef_, MinimumNorm(np.eye(30)[0]).fit(points, values).coef_)


def test_unlabelled_points_of_a_problem_are_not_a_class():
    plain, more = (
        Pretrained(NET, "spiral", source_params=params, n_source=50, random_state=0).fit(X, y)
        for params in ({}, {"n_unlabelled": 200})
    )
    assert more.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(more.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"estimator": make_learner("knn")}, TypeError, "'estimator' parameter .* must be a net or a MinimumNorm"),
        ({"source": "spirals"}, ValueError, "'source' parameter of Pretrained must be one of"),
        ({"source": 3}, TypeError, "'source' parameter .* must be the name of a problem, a tuple"),
        ({"source": NetRegressor()}, TypeError, "'source' parameter .* must be a NetClassifier"),
        ({"source": clone(NET)}, NotFittedError, "must be fitted.*FrozenEstimator"),
        ({"source": "spiral", "source_params": {"turn": 2}}, ValueError, "'source_params'.*Got 'turn'"),
        ({"source": "spiral", "source_params": ["turns"]}, TypeError, "'source_params' .* must be a dict or None"),
        ({"source": FITTED, "n_source": 0}, ValueError, r"'n_source' parameter of Pretrained .* in \[1, inf\)"),
        ({"source": "spiral", "n_source": 1.5}, TypeError, r"'n_source' parameter of Pretrained .* in \[1, inf\)"),
        ({"source": "modular", "n_source": 5000}, ValueError, r"'n_source' parameter of Pretrained .* in \[1, 721\]"),
        ({"source": "gaussian"}, ValueError, "'source' .* must be a problem of classification.*Got 'gaussian'"),
        ({"source": (X, y), "n_source": 61}, ValueError, r"'n_source' parameter .* in \[1, 60\]"),
        (
            {"source": FITTED, "freeze": 4},
            ValueError,
            r"'freeze' parameter of Pretrained\(NetClassifier\) .* in \[0, 3\]",
        ),
        ({"freeze": 1}, ValueError, "'freeze' parameter of Pretrained without a source"),
        (
            {"source": "sphere"},
            ValueError,
            "'X' parameter of Pretrained must be of the 3 features of the source",
        ),
        ({"source": (X, y, y)}, TypeError, "'source' parameter .* a tuple .X, y.*a tuple of 3"),
        ({"source": (X, 0 * y)}, ValueError, "cannot be fitted to its source: .* at least 2 classes"),
        ({"source": clone(NET).fit(X, y + 1)}, ValueError, "'y' parameter .* among the classes"),
        ({"source": clone(NET).set_params(width=9).fit(X, y)}, ValueError, "'width' parameter .* must be 9"),
    ],
)
def test_bad_input_is_one_clear_error(params, error, message):
    with pytest.raises(error, match=message):
        Pretrained(**{"estimator": NET, **params}).fit(X, y)
