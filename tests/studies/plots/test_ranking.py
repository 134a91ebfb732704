"""The ranking of learners over the problems of a study is drawn as it is computed, or refused with the reason."""

import contextlib
from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure

from studies.analysis.ranking import errors_by_problem, rank_learners
from studies.plots.looks import learner_looks
from studies.plots.ranking import has_ranking, plot_ranking
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.store.store import Outcome, Store

LEARNERS = {name: {"estimator": name} for name in ("net", "knn-1", "forest")}
ERRORS = {"net": 0.1, "knn-1": 0.2, "forest": 0.2}


def problems(n):
    return {f"set {i}": {"problem": "spiral", "params": {"turns": 1 + i / 8}} for i in range(n)}


@pytest.fixture
def results_of():
    """Results of a study of several problems; `lacking` cells have not run."""
    stores = contextlib.ExitStack()

    def results(n_problems=8, lacking=lambda planned: False, **described):
        described = {"sizes": [100, 1000], "problems": problems(n_problems), "learners": LEARNERS, **described}
        study = Study.from_dict({"name": "made", "question": "?", "seeds": 2, **described})
        store, rng = stores.enter_context(Store("sqlite://")), np.random.default_rng(0)
        for planned in plan_study(study):
            cell, wrong = planned.cell, ERRORS[planned.cell.estimator] + 0.04 * rng.random()
            if not lacking(planned):
                store.add(Outcome(cell.key, cell.spec, "ok", {"accuracy": 1 - wrong, "fit_seconds": 1.0}, seconds=1.0))
        return Results(study, store)

    with stores:
        yield results


def drawn(results, **arguments):
    return plot_ranking(results, Figure(layout="constrained").subplots(), **arguments)


def test_ranks_are_marks_with_intervals_in_the_looks_of_the_study(results_of):
    results = results_of()
    ax = drawn(results)
    ranking = rank_learners(errors_by_problem(results.frame(), 1000))
    names = list(ranking.ranks.index)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == names
    marks = [line for line in ax.lines if line.get_label() != "_group"]
    np.testing.assert_allclose([line.get_xdata()[0] for line in marks], ranking.ranks["mean"])
    bars = [bar.get_segments()[0][:, 0] for bar in ax.collections]
    np.testing.assert_allclose(bars, ranking.ranks[["low", "high"]])
    looks = learner_looks(results.study)
    assert [line.get_color() for line in marks] == [looks[name].colour for name in names]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the best at the top


def test_a_bar_joins_those_that_do_not_differ_and_the_title_says_who_is_ahead(results_of):
    ax = drawn(results_of())
    (bar,) = (line for line in ax.lines if line.get_label() == "_group")
    assert list(bar.get_ydata()) == [1, 2]
    assert "net is ahead of each other learner on most problems" in ax.get_title().replace("\n", " ")
    assert "over 8 problems" in ax.get_xlabel()
    assert "does not" not in ax.get_xlabel()


def test_too_few_problems_to_differ_are_said(results_of):
    results = results_of(4)
    ax = drawn(results)
    assert "too few problems to show a difference: it takes 7 or more" in ax.get_xlabel()
    assert "ahead" not in ax.get_title()
    assert not has_ranking(results)


def test_the_size_is_the_largest_of_most_problems_on_which_all_learners_are_measured(results_of):
    results = results_of(lacking=lambda p: p.cell.n_samples == 1000 and p.problem == "set 3" and p.learner == "net")
    assert "n = 100" in drawn(results).get_title()
    assert "over 7 problems" in drawn(results, n_samples=1000).get_xlabel()
    assert "n = 1,000" in drawn(results, learners=["knn-1", "forest"]).get_title()
    assert has_ranking(results)


@pytest.mark.parametrize(
    ("described", "arguments", "message"),
    [
        ({"n_problems": 1}, {}, "a ranking is over several problems, and made has one, set 0"),
        ({"problems": {"spiral": {"problem": "spiral", "params": {"turns": [1, 2, 3]}}}}, {}, "values of 'turns'"),
        ({"lacking": lambda p: p.learner == "net" and p.problem != "set 0"}, {}, "3 learners and 1 such problems"),
        ({"lacking": lambda p: True}, {}, "nothing of made is measured yet"),
        ({}, {"n_samples": 50}, "3 learners and 0 such problems"),
        ({}, {"learners": ["net"]}, "two or more learners"),
        ({}, {"metric": "fit_seconds"}, "'fit_seconds' has no best value"),
        ({}, {"learners": ["nett"]}, "unknown learner 'nett' of the results"),
    ],
)
def test_what_cannot_be_ranked_is_refused_with_the_reason(results_of, described, arguments, message):
    results = results_of(**described)
    with pytest.raises(ValueError, match=message):
        drawn(results, **arguments)
    assert has_ranking(results) is (not described)


def test_all_bars_of_many_learners_are_in_the_figure_and_apart():
    learners = {f"net {i}": {"estimator": "net", "params": {"epochs": i + 1}} for i in range(20)}
    described = {"sizes": [100], "seeds": 1, "problems": problems(20), "learners": learners}
    study = Study.from_dict({"name": "made", "question": "?", **described})
    rng = np.random.default_rng(0)
    with Store("sqlite://") as store:
        for planned in plan_study(study):
            cell, wrong = planned.cell, 0.2 + 0.02 * planned.cell.params["epochs"] + 0.08 * rng.random()
            store.add(Outcome(cell.key, cell.spec, "ok", {"accuracy": 1 - wrong}, seconds=1.0))
        figure = drawn(Results(study, store)).figure
    figure.draw_without_rendering()
    bars = [line.get_window_extent() for line in figure.axes[0].lines if line.get_label() == "_group"]
    assert len(bars) > 10
    assert max(bar.x1 for bar in bars) < figure.bbox.x1
    assert not any(a.overlaps(b) for a, b in combinations(bars, 2))
