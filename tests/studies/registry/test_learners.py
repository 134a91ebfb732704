"""The estimators that a study may construct, and the modules that it must not import."""

import sys

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.ensemble import ExtraTreesClassifier

from estimators import CATALOG, PRIORS, PolarCoordinates, SpiralPhase, make
from studies.execution.run import run_cell, run_task
from studies.execution.workers import WorkerPool
from studies.registry.errors import SpecError
from studies.registry.imports import make_importable
from studies.registry.learners import find, learner_issues, make_learner, unknown_params
from studies.registry.params import canonical_params
from studies.spec.cells import Cell, plan_study
from studies.spec.study import Study
from toymanifold import sphere_problem, spiral_problem

FOREIGN = """
from pathlib import Path
from sklearn.neighbors import KNeighborsClassifier

Path(__file__).with_suffix(".imported").touch()

class Foreign(KNeighborsClassifier):
    pass
"""


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A package that leaves a trace when it is imported; the fixture is the trace."""
    (tmp_path / "foreign_learners.py").write_text(FOREIGN)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "foreign_learners.imported"
    sys.modules.pop("foreign_learners", None)


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("name", CATALOG)
def test_the_catalogue_fits_the_task_of_the_problem(name, task):
    problem = spiral_problem() if task == "classification" else sphere_problem(target="linear", task="regression")
    fits = is_classifier if task == "classification" else is_regressor
    assert fits(make_learner(name, problem))
    assert learner_issues(name, ["none", "polar"], {}, problem, ()) == []


def test_any_estimator_of_scikit_learn_can_be_named():
    learner = make_learner(
        "sklearn.ensemble:ExtraTreesClassifier", spiral_problem(), params={"n_estimators": 3}, seed=7
    )
    assert isinstance(learner, ExtraTreesClassifier)
    assert (learner.n_estimators, learner.random_state) == (3, 7)


def test_a_prior_stands_before_a_class_as_before_the_catalogue():
    learner = make_learner("sklearn.svm:SVC", spiral_problem(), prior="polar")
    assert [type(step) for _, step in learner.steps] == [type(step) for _, step in make("svm", prior="polar").steps]
    assert isinstance(learner[0], PolarCoordinates)


def test_the_phase_is_that_of_the_problem():
    problem = spiral_problem(turns=2, fill=0.4, radius=3.0)
    learner = make_learner("knn-1", problem, prior="phase")
    assert learner[0].get_params() == SpiralPhase(turns=2, fill=0.4, radius=3.0).get_params()
    assert learner.fit(*problem.sample(300, 0)).score(*problem.sample(300, 1)) > 0.98


@pytest.mark.parametrize("problem", [sphere_problem(dimension=2), spiral_problem(dimension=3)])
def test_the_phase_is_defined_only_for_a_spiral_in_the_plane(problem):
    (issue,) = learner_issues("knn-1", ["none", *PRIORS], {}, problem, ())
    assert (issue.at, issue.value) == (("prior",), "phase")


FORBIDDEN = [
    "os:system",
    "subprocess:Popen",
    "builtins:eval",
    "sklearn",
    "sklearn:",
    ":SVC",
    "sklearn.svm:SVC.fit",
    "sklearn.svm:SVC()",
    "sklearn.svm:__builtins__",
    "sklearn.svm._classes:SVC",
    "sklearn.utils:os",
    "sklearn.base:clone",
    "sklearn.base:ClassifierMixin",
    "sklearn.ensemble:BaseEnsemble",
    "sklearn.nothing:SVC",
    "sklearn.conftest:SVC",
    "sklearn.tests.test_base:MyEstimator",
    "estimators.nets:skorch",
    "estimators.nets:NeuralNet",
    "toymanifold:Problem",
    "sklearn_extra.robust:RobustWeightedClassifier",
    "../x:Y",
    "x\n:Y",
]


@pytest.mark.parametrize("name", FORBIDDEN)
def test_only_estimators_can_be_named(name):
    with pytest.raises(ValueError, match=r"unknown estimator|not a scikit-learn|package|module|class"):
        find(name, "classification")


def test_a_package_that_is_not_allowed_is_not_imported(foreign):
    with pytest.raises(ValueError, match=r"'foreign_learners' is not allowed.*--allow foreign_learners"):
        find("foreign_learners:Foreign", "classification")
    outcome = run_cell(Cell("spiral", {}, "foreign_learners:Foreign", None, {}, 50, 0))
    assert outcome.status == "error"
    assert not foreign.exists()


HOSTILE = """
from sklearn.neighbors import KNeighborsClassifier
class Unreadable(Exception):
    def __str__(self): raise KeyboardInterrupt
class Hostile(KNeighborsClassifier):
    def {method}: {act}
"""


ACTS = [
    "exit(0)",
    "raise KeyboardInterrupt",
    "raise Unreadable",
    "raise GeneratorExit",
    "raise ValueError('x' * 10**6)",
]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("method", ["", "__init__(self)", "get_params(self, deep=True)", "__init__(self, **kwargs)"])
def test_whatever_a_foreign_class_raises_is_an_error_that_names_it(tmp_path, monkeypatch, method, act):
    text = HOSTILE.format(method=method or "method(self)", act=act) + ("" if method else act)
    (tmp_path / "hostile_learners.py").write_text(f"from sys import exit\n{text}")
    monkeypatch.syspath_prepend(tmp_path)
    name = "hostile_learners:Hostile"
    described = {"name": "x", "question": "?", "seeds": 1, "sizes": [50], "learners": {"a": {"estimator": name}}}
    reason = "cannot be constructed: " if method else "the module 'hostile_learners' cannot be imported: "
    with pytest.raises(SpecError, match=rf"learners.a.estimator: {reason}.*Got 'hostile_learners:Hostile'") as caught:
        Study.from_dict(described, allow="hostile_learners")
    assert len(str(caught.value)) < 3_000
    sys.modules.pop("hostile_learners", None)


OPEN = """
from sklearn.neighbors import KNeighborsClassifier
class Open(KNeighborsClassifier):
    def __init__(self, leaf_size=30, **kwargs): super().__init__(leaf_size=leaf_size, **kwargs)
    def get_params(self, deep=True): return {"leaf_size": self.leaf_size, "n_neighbors": self.n_neighbors, "p": self.p}
"""


def test_parameters_of_a_class_that_takes_any_keywords_are_those_it_lists(tmp_path, monkeypatch):
    (tmp_path / "open_learners.py").write_text(OPEN)
    monkeypatch.syspath_prepend(tmp_path)
    name, allow = "open_learners:Open", ("open_learners",)
    builder = find(name, "classification", allow)
    assert unknown_params(name, {"n_neighbors": 1, "p__any": 2}, allow=allow) == []
    (issue,) = unknown_params(name, {"n_neighbour": 1}, allow=allow)
    assert "did you mean 'n_neighbors'?" in issue.message
    assert canonical_params(builder, {"n_neighbors": 5, "p": 1, "p__any": 2}) == {"p": 1, "p__any": 2}
    assert make_learner(name, spiral_problem(), params={"n_neighbors": 3}, allow=allow).n_neighbors == 3


@pytest.fixture
def clean_path(monkeypatch):
    """The module search path, restored afterwards, and the modules of the test removed."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in ("beside_the_study", "its_neighbour"):
        sys.modules.pop(name, None)


def test_an_allowed_module_may_lie_beside_the_study(tmp_path, clean_path):
    """And nothing else there plays a part, for its folder is the last one of the path."""
    (tmp_path / "beside_the_study.py").write_text(f"import its_neighbour, random, colorsys\n{FOREIGN}")
    (tmp_path / "its_neighbour.py").write_text("")
    for name in ("estimators", "studies", "random", "colorsys"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit")
    described = Study.from_dict(
        {"name": "x", "question": "?", "seeds": 1, "sizes": [50], "learners": {"a": {"estimator": "knn"}}}
    )
    file = tmp_path / "mine.toml"
    file.write_text(described.to_toml().replace('"knn"', '"beside_the_study:Foreign"'))
    before = [*sys.path]
    with pytest.raises(SpecError, match="--allow beside_the_study"):
        Study.from_toml(file, allow="numpy")
    assert sys.path == before
    Study.from_toml(file, allow="beside_the_study")
    Study.from_toml(file, allow="beside_the_study")
    assert sys.path == [*before, str(tmp_path)]


def test_an_allowed_module_beside_the_study_and_installed_is_an_error(tmp_path, clean_path):
    (tmp_path / "joblib.py").write_text("")
    with pytest.raises(SpecError, match=r"'joblib' is both at .*joblib.py, beside the study, and at .*; rename one"):
        make_importable(tmp_path, ["joblib"])
    (tmp_path / "numpy").mkdir()  # not a module
    make_importable(tmp_path, ["numpy", "no.name", "nowhere"])
    assert str(tmp_path) not in sys.path


def test_an_allowed_class_is_constructed_in_a_worker_too(foreign):
    described = {
        "name": "x",
        "question": "?",
        "seeds": 1,
        "sizes": [50],
        "metrics": ["accuracy"],
        "learners": {"a": {"estimator": "foreign_learners:Foreign", "params": {"n_neighbors": 1}}},
    }
    (planned,) = plan_study(Study.from_dict(described, allow=["foreign_learners"]))
    assert foreign.exists()
    with WorkerPool(1) as pool:
        (outcome,) = pool.submit(run_task, (planned.cell,)).result()
    problem = spiral_problem()
    expected = make("knn-1").fit(*problem.sample(50, 0)).score(*problem.sample(50_000, 0, split="test"))
    assert outcome.values == {"accuracy": expected}


@pytest.mark.parametrize("name", ["sklearn.cluster:KMeans", "sklearn.svm:SVR", "sklearn.preprocessing:StandardScaler"])
def test_a_classification_needs_a_classifier(name):
    (issue,) = learner_issues(name, ["none"], {}, spiral_problem(), ())
    assert (issue.at, issue.message) == (("estimator",), "must be for classification, the task of the problem")


def test_a_class_that_needs_more_than_plain_data_is_an_error():
    (issue,) = learner_issues("sklearn.model_selection:GridSearchCV", ["none"], {}, spiral_problem(), ())
    assert "cannot be constructed: " in issue.message


def test_parameters_are_those_of_the_class():
    assert unknown_params("forest", {"criterion": "gini", "n_estimators": 3}) == []
    issues = unknown_params("net", {"widht": 3, "random_state": 0, "prior": "polar"})
    assert [issue.at for issue in issues] == [("widht",), ("random_state",), ("prior",)]
    assert "unknown parameter 'widht' of 'net'; did you mean 'width'?" in issues[0].message


def test_parameters_of_the_other_task_are_errors_on_a_problem():
    assert unknown_params("svm", {"epsilon": 0.1}) == []
    (issue,) = learner_issues("svm", ["none"], {"epsilon": 0.1}, spiral_problem(), ())
    assert issue.at == ("params", "epsilon")


def test_a_fit_does_not_depend_on_how_the_learner_was_named():
    problem = spiral_problem()
    X, y = problem.sample(200, 0)
    by_name, by_class = (make_learner(name, problem).fit(X, y).predict(X) for name in ("svm", "sklearn.svm:SVC"))
    np.testing.assert_array_equal(by_name, by_class)


def test_the_folds_of_a_tuned_learner_are_shuffled_by_the_seed():
    learner = make_learner("svm-tuned", sphere_problem(), prior="polar", seed=5)
    assert learner[-1].cv.random_state == 5


@pytest.mark.parametrize(("estimator", "n_issues"), [("estimators:HarmonicClassifier", 1), ("knn", 0)])
def test_a_learner_of_unlabelled_points_has_no_search(estimator, n_issues):
    search = {"params": {"n_neighbors": [5, 10]}, "cv": 2}
    for n_unlabelled, expected in ((0, 0), (5, n_issues)):
        problem = spiral_problem(n_unlabelled=n_unlabelled)
        issues = learner_issues(estimator, ["none"], {}, problem, (), search=search)
        assert [issue.at for issue in issues] == [("search",)] * expected
