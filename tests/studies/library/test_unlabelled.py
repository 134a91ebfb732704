import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from estimators import HarmonicClassifier, NeighborsClassifier
from studies.analysis.claims import check_claims
from studies.library.unlabelled import (
    adjusted_errors,
    classes_without_label,
    errors_of_labelled,
    graph_components,
    plot_few_labels,
    plot_unlabelled_points,
    resolving_points,
    share_without_label,
)
from studies.registry.metrics import Fitted
from studies.registry.test_sets import TestSets
from toymanifold import DataProblem, spiral_problem


def without_label(p, arms):
    labels = np.random.default_rng(p.cell.seed).integers(arms, size=p.cell.n_samples)
    return 1 - len(set(labels.tolist())) / arms


def nearest_label(n):
    """Return the error of the nearest label with a label on each arm: 1/64 with 106 labels."""
    return 0.5 * math.exp(-n * math.log(32) / 106)


def as_theory_says(p):
    n, m = p.cell.n_samples, p.axes.get("n_unlabelled")
    if p.problem.startswith("spiral"):
        harm = 0 if m is None else 0.02 + m / 1e6
        return {"accuracy": 1 - (0.4 * (64 / n) ** 0.3 + harm), "classes_without_label": 0.0, "graph_components": 1.0}
    arms = 3 if p.problem == "three arms" else 2
    missing = without_label(p, arms)
    is_resolved = arms == 3 or (m or 0) >= 1000
    error = 0.0 if is_resolved else nearest_label(n)
    components = arms if is_resolved else 1
    return {"accuracy": 1 - (missing or error), "classes_without_label": missing, "graph_components": components}


def test_claims_hold_where_theory_does(invented):
    found = check_claims("unlabelled", invented("unlabelled", as_theory_says, noise=1e-9))
    assert [claim.holds for claim in found] == [True] * 7


def test_claims_fail_where_the_graph_never_resolves_a_gap_and_always_helps(invented):
    def another_world(p):
        values = as_theory_says(p)
        if p.problem.startswith("spiral"):
            values["accuracy"] += 0.1 * (p.family != "kNN, k=1")
        else:
            values["accuracy"] = 1 - (values["classes_without_label"] or 0.9 * nearest_label(p.cell.n_samples))
            values["graph_components"] = 3 if p.problem == "three arms" else 2
        return values

    found = check_claims("unlabelled", invented("unlabelled", another_world, noise=1e-9))
    two_arms, _, _, worth, spiral, _ = found  # there is no threshold
    assert (two_arms.holds, spiral.holds) == (False, False)
    assert worth.holds is not True


def test_samples_whose_graph_cuts_an_arm_are_left_out_of_closed_forms(invented):
    def one_cut(p):
        values = as_theory_says(p)
        if p.problem == "three arms" and p.cell.seed == 3:
            values |= {"accuracy": 0.5, "graph_components": 4}
        return values

    three_arms = check_claims("unlabelled", invented("unlabelled", one_cut, noise=1e-9))[1]
    assert three_arms.holds
    assert "in 145 of 150 samples" in three_arms.finding


def test_the_components_are_those_of_the_learners_graph():
    problem = spiral_problem(arms=2, turns=2, fill=0.25, density="bands", start=0.5, n_unlabelled=3000)
    harmonic = HarmonicClassifier().fit(*problem.sample(4, 0))
    assert graph_components(Fitted(harmonic, TestSets(problem), 0.0, 4, 0)) == 2
    assert graph_components(fitted(problem, 4)) == 0


def test_the_mean_of_few_seeds_is_that_of_many(invented):
    """The control variate removes all noise of the labels where the closed form holds, and moves no mean."""
    frame = invented("unlabelled", as_theory_says, noise=0)
    errors = adjusted_errors(frame, "two arms, n_unlabelled=3000", 2)
    np.testing.assert_allclose(errors, np.broadcast_to(2.0 ** -np.arange(2, 7), errors.shape), atol=1e-12)
    drawn = np.random.default_rng(0).integers(3, size=(200_000, 5))
    missing = np.mean([1 - len(set(row)) / 3 for row in drawn[:20_000].tolist()])
    assert share_without_label(5, 3) == pytest.approx(missing, abs=0.005)


def test_errors_without_a_label_on_each_arm_are_left_out(invented):
    frame = invented("unlabelled", as_theory_says, noise=0)
    errors = errors_of_labelled(frame, "two arms, labels only", "kNN, k=1")
    assert errors[2].isna().sum() > 0
    assert errors[2].dropna().unique() == pytest.approx([nearest_label(2)])


def test_k_neighbours_are_as_far_away_as_the_next_arm_on_the_outer_turn():
    """By the points of a sample: at the number of points of the prediction, k of them in twice the gap along an arm."""
    problem = spiral_problem(arms=2, turns=2, fill=0.25, density="bands", start=0.5)
    X, y = problem.sample(200_000, 0)
    gap = 0.75 * 0.5 / 2
    radius, angle = np.hypot(*X.T), np.arctan2(X[:, 1], X[:, 0])
    near = (y == 0) & (radius > 0.85) & (np.abs(angle + 0.6) * radius < gap)  # on the outer turn, before the tip
    assert near.sum() * resolving_points(2) / 200_000 == pytest.approx(10, rel=0.15)


def fitted(problem, n_samples):
    learner = NeighborsClassifier(1).fit(*[part[:n_samples] for part in problem.sample(n_samples, 0)])
    return Fitted(learner, TestSets(problem), 0.0, n_samples, 0)


def test_the_share_of_classes_without_a_label_is_that_of_the_labelled_points():
    problem = spiral_problem(arms=4, turns=2, density="bands", n_unlabelled=100)
    for n_samples in (2, 3, 60):
        y = problem.sample(n_samples, 0)[1][:n_samples]
        assert classes_without_label(fitted(problem, n_samples)) == 1 - len(np.unique(y)) / 4
    data = DataProblem.from_data(np.arange(12.0)[:, None], [0, 1, 2] * 4)
    assert classes_without_label(fitted(data, 3)) == 0


def test_plots_show_theory_beside_the_curves(invented, shown):
    frame = invented("unlabelled", as_theory_says, noise=0.01)
    ax = plot_unlabelled_points(shown(frame), Figure().subplots())
    assert [text.get_text() for text in ax.texts] == ["two arms, 6 labels", "closed spiral, 256 labels"]
    assert [line.get_label() for line in ax.lines].count("_reference") == 2
    ax = plot_few_labels(shown(frame), Figure().subplots())
    assert ax.get_yscale() == "log"
    assert [line.get_label() for line in ax.lines].count("_reference") == 2
