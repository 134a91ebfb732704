import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelPropagation

from estimators import Augmented, GraphConvClassifier, HarmonicClassifier, Symmetrized
from studies import SpecError, measure_curves
from studies.registry.learners import learner_issues, make_learner
from studies.registry.metrics import Fitted, measure
from studies.registry.nodes import check_reach, is_graph_for, labelled_nodes
from studies.registry.test_sets import TestSets
from toymanifold import DataProblem, FunctionSymmetry, block_model_problem, spiral_problem

PROBLEM = block_model_problem(n_nodes=60, inside=6.0, across=1.0)
WITHOUT = DataProblem.from_data(PROBLEM.X, PROBLEM.y)
UNLABELLED = spiral_problem(turns=1, n_unlabelled=300)
FLIP = FunctionSymmetry(lambda X, g: -X if g else X, order=2)
NET = GraphConvClassifier(epochs=5, width=4)


@pytest.mark.parametrize(
    ("estimator", "problem", "expected"),
    [
        (NET, PROBLEM, True),
        (HarmonicClassifier(), PROBLEM, True),
        (make_pipeline(StandardScaler(), NET), PROBLEM, True),
        (LabelPropagation(), PROBLEM, False),
        (NearestCentroid(), PROBLEM, False),
        (NET, WITHOUT, False),
        (NET, spiral_problem(), False),
    ],
)
def test_a_learner_of_nodes_takes_the_graph_of_a_problem(estimator, problem, expected):
    assert is_graph_for(problem, estimator) == expected


def test_all_nodes_are_seen_and_those_of_the_sample_have_labels():
    X, y = labelled_nodes(PROBLEM, 8, seed=1)
    rows = PROBLEM.sample_rows(8, 1)
    assert X is PROBLEM.X
    np.testing.assert_array_equal(y[rows], PROBLEM.y[rows])
    assert (np.delete(y, rows) == -1).all()


@pytest.mark.parametrize("name", ["estimators:GraphConvClassifier", "estimators:HarmonicClassifier"])
def test_a_learner_of_nodes_is_measured_at_the_test_nodes(name):
    params = {"epochs": 5} if name.endswith("ConvClassifier") else {}
    learner = make_learner(name, PROBLEM, params=params, seed=3)
    assert (learner.graph != PROBLEM.graph).nnz == 0
    fitted = Fitted(learner.fit(*labelled_nodes(PROBLEM, 8, 3)), TestSets(PROBLEM), 0.0, 8, 3)
    found = measure(["accuracy", "accuracy_train", "neg_log_loss"], fitted)
    tests, train = PROBLEM.is_test, PROBLEM.sample_rows(8, 3)
    assert found["accuracy"] == np.mean(learner.transduction_[tests] == PROBLEM.y[tests])
    assert found["accuracy_train"] == np.mean(learner.transduction_[train] == PROBLEM.y[train])
    likelihood = learner.label_distributions_[tests, PROBLEM.y[tests]].clip(1e-15)
    assert -found["neg_log_loss"] == pytest.approx(-np.log(likelihood).mean(), rel=1e-6)


def test_curves_of_learners_of_nodes_and_of_others_on_a_graph_of_ones_own():
    rng = np.random.default_rng(0)
    noise = DataProblem.from_data(rng.standard_normal((60, 3)), PROBLEM.y, graph=PROBLEM.graph)
    learners = {
        "edges": HarmonicClassifier(),
        "scaled": make_pipeline(StandardScaler(), NET),
        "mean": NearestCentroid(),
    }
    results = measure_curves(learners, noise, sizes=[4, 20], seeds=2)
    frame = results.frame().query("metric == 'accuracy' and n_samples == 20")
    means = frame.groupby("learner")["value"].mean()
    assert len(frame) == 6
    assert means["edges"] > 0.75 > means["mean"]  # the features say nothing


def test_a_graph_of_the_learner_beside_that_of_the_problem_is_refused():
    learner = HarmonicClassifier(graph=PROBLEM.graph)
    with pytest.raises(SpecError, match=r"HarmonicClassifier must be None on a problem that has a graph"):
        measure_curves({"edges": learner}, PROBLEM, sizes=[4, 20], seeds=2)


class GraphWithoutMark(NearestCentroid):
    def __init__(self, graph=None):
        super().__init__()
        self.graph = graph


@pytest.mark.parametrize(
    ("learner", "problem", "message"),
    [
        (Augmented(HarmonicClassifier(), FLIP), PROBLEM, "graph of .* to HarmonicClassifier inside"),
        (Symmetrized(NET, FLIP), PROBLEM, "graph of .* to GraphConvClassifier inside"),
        (
            GraphWithoutMark(),
            PROBLEM,
            "GraphWithoutMark has a parameter graph, .* only if uses_unlabelled is True",
        ),
        (
            GridSearchCV(HarmonicClassifier(), {"n_neighbors": [5]}),
            UNLABELLED,
            "points .* to HarmonicC",
        ),
        (
            make_pipeline(GridSearchCV(LabelPropagation(), {"gamma": [5]})),
            UNLABELLED,
            "points .* to LabelP",
        ),
    ],
)
def test_what_does_not_reach_a_part_of_a_learner_is_refused(learner, problem, message):
    with pytest.raises(SpecError, match=message):
        measure_curves({"learner": learner}, problem, sizes=[20], seeds=2)


def test_what_does_not_reach_a_learner_behind_a_prior_is_refused_before_a_run():
    given = "estimators:HarmonicClassifier", ["antipodal"], {}, PROBLEM, ()
    (issue,) = learner_issues(*given, prior_params={"form": "outputs"})
    assert "to HarmonicClassifier inside a search or another learner" in issue.message


@pytest.mark.parametrize("wrap", [Augmented, Symmetrized])
def test_unlabelled_points_reach_a_learner_with_a_symmetry(wrap):
    """Under the identity alone it is the learner itself."""
    identity = FunctionSymmetry(lambda X, g: X, order=1)
    learners = {"plain": HarmonicClassifier(), "wrapped": wrap(HarmonicClassifier(), identity)}
    frame = measure_curves(learners, UNLABELLED, sizes=[20], seeds=2).frame().query("metric == 'accuracy'")
    plain, wrapped = (frame.loc[frame["learner"] == name, "value"].to_list() for name in learners)
    assert plain == wrapped


class Guess:
    """The least that the last step of a pipeline needs."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


def test_a_step_needs_no_parameters():
    learner = make_pipeline(StandardScaler(), Guess())
    check_reach(PROBLEM, learner)
    check_reach(UNLABELLED, learner)
