"""Learners, priors and searches of other packages, and of the user's own module."""

import sys

import pytest

from studies import Study
from studies.execution.run import run_cell
from studies.spec.cells import plan_study

MINE = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
import torch

class Polar(TransformerMixin, BaseEstimator):
    def __init__(self, power=1.0):
        self.power = power
    def fit(self, X, y=None):
        return self
    def transform(self, X):
        return np.column_stack([np.hypot(*X.T) ** self.power, np.arctan2(X[:, 1], X[:, 0])])

class Module(torch.nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.ReLU(), torch.nn.Linear(width, 2))
    def forward(self, X):
        return self.layers(X.float())

class Net(NeuralNetClassifier):
    def __init__(self, module=Module, *, criterion=torch.nn.CrossEntropyLoss, max_epochs=2, verbose=0, **kwargs):
        super().__init__(module, criterion=criterion, max_epochs=max_epochs, verbose=verbose, **kwargs)

def make_mine(k=3):
    scaled = ColumnTransformer([("scale", StandardScaler(), [0, 1])])
    return make_pipeline(scaled, KNeighborsClassifier(k))
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learners")
    (folder / "my_learners.py").write_text(MINE)
    sys.path.append(str(folder))
    yield "my_learners"
    sys.path.remove(str(folder))
    sys.modules.pop("my_learners", None)


def study_of(**learners):
    described = {"name": "x", "question": "?", "sizes": [100], "seeds": 1, "metrics": ["accuracy"]}
    return Study.from_dict({**described, "learners": learners}, allow=["my_learners", "xgboost", "lightgbm"])


def accuracies(study):
    outcomes = {p.learner: run_cell(p.cell) for p in plan_study(study)}
    assert {outcome.error for outcome in outcomes.values()} == {""}
    return {label: outcome.values["accuracy"] for label, outcome in outcomes.items()}


def test_xgboost_takes_its_parameters():
    pytest.importorskip("xgboost")
    found = accuracies(
        study_of(trees={"estimator": "xgboost:XGBClassifier", "params": {"max_depth": [1, 6], "n_estimators": 20}})
    )
    assert found["trees, max_depth=6"] > found["trees, max_depth=1"]


def test_lightgbm_takes_its_parameters():
    pytest.importorskip("lightgbm")
    params = {"min_child_samples": [2, 60], "n_estimators": 20, "verbosity": -1}
    found = accuracies(study_of(trees={"estimator": "lightgbm:LGBMClassifier", "params": params}))
    assert found["trees, min_child_samples=2"] > found["trees, min_child_samples=60"]


def test_a_keyword_that_resembles_a_parameter_is_a_mistake():
    pytest.importorskip("lightgbm")
    with pytest.raises(ValueError, match="did you mean 'num_leaves'"):
        study_of(trees={"estimator": "lightgbm:LGBMClassifier", "params": {"num_leafs": 3}})


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")  # of the shared test points
def test_a_net_of_skorch_takes_parameters_of_its_module(mine):
    params = {"lr": 0.1, "max_epochs": 1, "module__width": [2, 8]}
    planned = plan_study(study_of(net={"estimator": f"{mine}:Net", "params": params}))
    widths = [p.cell.build_learner().get_params()["module__width"] for p in planned]
    assert widths == [2, 8]
    outcome = run_cell(planned[0].cell)
    assert (outcome.status, outcome.error) == ("ok", "")


def test_a_function_may_return_a_pipeline(mine):
    planned = plan_study(study_of(knn={"estimator": f"{mine}:make_mine", "params": {"k": [1, 3]}}))
    assert [p.cell.params for p in planned] == [{"k": 1}, {}]  # 3 is its default
    assert [p.cell.build_learner()[-1].n_neighbors for p in planned] == [1, 3]
    assert planned[0].cell.code.keys() == {mine}


def test_any_transformer_is_a_prior_of_any_learner(mine):
    own = {"prior": ["none", "polar", f"{mine}:Polar"]}
    found = accuracies(study_of(knn={"estimator": "sklearn.neighbors:KNeighborsClassifier", **own}))
    assert found[f"knn, prior={mine}:Polar"] == pytest.approx(found["knn, prior=polar"], abs=0.01)
    assert found["knn, prior=none"] != found["knn, prior=polar"]


def test_parameters_of_a_prior_are_axes(mine):
    planned = plan_study(
        study_of(knn={"estimator": "knn", "prior": f"{mine}:Polar", "prior_params": {"power": [1, 2.0]}})
    )
    assert [p.learner for p in planned] == ["knn, prior__power=1", "knn, prior__power=2.0"]
    assert [p.cell.prior_params for p in planned] == [{"power": 1}, {"power": 2.0}]
    assert [p.axes for p in planned] == [{"prior__power": 1}, {"prior__power": 2.0}]
    assert planned[1].cell.build_learner()[0].power == 2.0


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        ({"estimator": "knn", "prior": ["none", "polar"], "prior_params": {"encoding": "raw"}}, "need one prior"),
        ({"estimator": "knn", "prior": "polar", "prior_params": {"encodng": 1}}, "did you mean 'encoding'"),
        ({"estimator": "knn", "prior": "phase", "prior_params": {"turns": 3}}, "that of the problem's spiral"),
        ({"estimator": "knn", "prior_params": {"power": 3}}, "must be empty without a prior"),
        ({"estimator": "knn", "prior": "sklearn.svm:SVC"}, "is not a transformer"),
        ({"estimator": "knn", "prior": "my_learners:make_mine"}, "prior"),
        ({"estimator": "my_learners:Polar"}, "must be for classification"),
        ({"estimator": "sklearn.datasets:make_moons"}, "must be a concrete class"),
        ({"estimator": "knn", "search": {"params": {"neighbors": [1]}}}, "did you mean 'n_neighbors'"),
        ({"estimator": "knn", "search": {"params": {"n_neighbors": [1]}, "cv": 1}}, "must be 2 or more"),
        ({"estimator": "knn", "search": {"params": {"n_neighbors": []}}}, "one or more values"),
        ({"estimator": "knn", "search": {"params": {"n_neighbors": [1]}, "scoring": "acuracy"}}, "'accuracy'"),
        ({"estimator": "knn", "search": {"params": {"n_neighbors": [1]}, "scoring": "r2"}}, "a scorer for classif"),
    ],
)
def test_a_wrong_description_is_one_clear_error(mine, learner, message):
    with pytest.raises(ValueError, match=message) as caught:
        study_of(a=learner)
    assert len(str(caught.value).splitlines()) == 1


def test_a_search_tunes_on_the_training_points_by_the_seed_of_the_cell():
    search = {"params": {"n_neighbors": [1, 31]}, "cv": 3, "scoring": "balanced_accuracy"}
    (planned,) = plan_study(study_of(knn={"estimator": "knn", "prior": "polar", "search": search}))
    learner = planned.cell.build_learner()
    X, y = planned.cell.build_problem().sample(100, 0)
    fitted = learner.fit(X, y)[-1]
    assert (fitted.best_params_, fitted.cv.random_state, fitted.scoring) == ({"n_neighbors": 1}, 0, "balanced_accuracy")


def test_a_net_is_searched_with_its_prior_as_a_layer():
    search = {"params": {"width": [2, 4]}}
    params = {"epochs": 1}
    (planned,) = plan_study(study_of(net={"estimator": "net", "prior": "polar", "params": params, "search": search}))
    assert planned.cell.build_learner().estimator.prior == "polar"


def test_a_transformer_stands_before_the_search_of_a_net():
    net = {"estimator": "net", "prior": "sklearn.decomposition:PCA", "params": {"epochs": 1}}
    (planned,) = plan_study(study_of(net={**net, "search": {"params": {"width": [2, 4]}, "cv": 2}}))
    fitted = planned.cell.build_learner().fit(*planned.cell.build_problem().sample(100, 0))
    assert list(fitted.named_steps) == ["pca", "gridsearchcv"]
    assert fitted[-1].best_params_["width"] in (2, 4)


def test_an_edited_estimator_is_another_cell(mine, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    keys = []
    for text in (MINE, MINE + "\n# edited\n"):
        sys.modules.pop(mine, None)
        (tmp_path / "my_learners.py").write_text(text)
        keys += [p.cell.key for p in plan_study(study_of(knn={"estimator": f"{mine}:make_mine"}))]
    assert len(set(keys)) == 2
