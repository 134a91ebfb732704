import numpy as np
import pytest
from sklearn.datasets import load_iris

from estimators import Invariance, make_learner
from estimators.catalog import ShuffledFolds, split_prior
from estimators.priors import as_prior
from toymanifold import Antipodal


def tuned(task="classification", seed=0):
    return make_learner("svm-tuned", task=task).set_params(gridsearchcv__cv__random_state=seed)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_rows_sorted_by_class_are_tuned_as_well_as_shuffled_ones(order):
    X, y = load_iris(return_X_y=True)
    assert tuned().fit(X[order], y[order])[-1].best_score_ == pytest.approx(0.95, abs=0.02)


def test_values_in_order_are_tuned():
    X = np.linspace(0, 3, 60)[:, None]
    assert tuned("regression").fit(X, np.sin(X[:, 0]))[-1].best_score_ > 0.99


def test_a_class_of_three_rows_is_in_every_fold():
    y = np.repeat(["common", "rare"], [57, 3])
    folds = ShuffledFolds(3, random_state=0).split(np.zeros((60, 1)), y)
    assert [np.count_nonzero(y[test] == "rare") for _, test in folds] == [1, 1, 1]


@pytest.mark.parametrize(
    ("labels", "named"),
    [(["in", "out"], "2 with label 'out'"), ([0, 7], "2 with label 7"), ([False, True], "2 with label True")],
)
def test_a_class_of_too_few_rows_is_refused_by_its_label(labels, named):
    y = np.repeat(labels, [5, 2])
    with pytest.raises(ValueError, match=f"'y' parameter of cross-validation in 3 folds must.*{named}"):
        tuned().fit(np.arange(14.0).reshape(7, 2), y)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_fewer_rows_than_folds_are_refused(task):
    with pytest.raises(ValueError, match=r"3 rows or more\..*n_samples = 2"):
        tuned(task).fit([[0.0], [1.0]], [0, 1])


def test_the_folds_are_those_of_the_seed():
    X, y = load_iris(return_X_y=True)
    one, same, other = (tuned(seed=seed).fit(X, y)[-1].cv_results_["mean_test_score"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("name", ["knn", "net", "svm", "kernel"])
@pytest.mark.parametrize("prior", ["polar", "sign-flips", Invariance(Antipodal(), "augmentation", copies=2)])
def test_a_prior_is_split_from_the_learner_with_it(name, prior):
    plain = make_learner(name)
    found, learner = split_prior(make_learner(name, prior=prior))
    assert repr(found) == repr(as_prior(prior, "test") if isinstance(prior, str) else prior)
    assert repr(learner) == repr(plain)


@pytest.mark.parametrize("form", ["kernel", "outputs"])
def test_a_symmetry_is_split_from_a_kernel_machine(form):
    prior = Invariance(Antipodal(), form, copies=5)
    found, learner = split_prior(make_learner("kernel", prior=prior))
    assert (repr(found), repr(learner)) == (repr(prior), repr(make_learner("kernel")))


@pytest.mark.parametrize("name", ["knn", "net", "svm-tuned", "kernel"])
def test_a_learner_without_a_prior_has_none_to_split(name):
    learner = make_learner(name)
    assert split_prior(learner) == (None, learner)
