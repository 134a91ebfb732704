"""What is found of a study whose worths are known in closed form: see ``conftest.power_law``."""

import pandas as pd
import pytest

from studies.analysis.findings import find


def test_a_study_of_priors_tells_their_worth_where_it_asks(worth_results, worth):
    (found,) = find(worth, worth_results.frame())
    (told,) = found.worths
    assert (told.prior, told.plain, told.informed, told.equivalence.n_samples) == ("polar", "net", "net + polar", 1000)
    assert told.times.value == pytest.approx(4)
    assert (found.reference, found.n_samples) == ("net + polar", 1000)
    assert [competitor.learner for competitor in found.competitors] == ["net", "kNN"]
    (chaser,) = found.main_competitors
    assert chaser.learner == "kNN"
    assert chaser.equivalence.needed.value == pytest.approx(10_000)
    assert (chaser.crossover.n, chaser.crossover.winner) == (None, "net + polar")


def test_without_questions_the_worth_is_told_at_the_largest_size_from_the_side_that_is_measured(worth_results, worth):
    silent = worth.model_copy(update={"questions": ()})
    (found,) = find(silent, worth_results.frame())
    (told,) = found.worths
    assert (told.equivalence.a, told.equivalence.b, told.equivalence.n_samples) == ("net", "net + polar", 10_000)
    assert told.times.value == pytest.approx(4)
    assert [competitor.learner for competitor in found.main_competitors] == ["kNN"]


def test_curves_hold_the_frame(worth_results, worth):
    frame = worth_results.frame()
    (found,) = find(worth, frame)
    assert [measured.metric for measured in found.measured] == ["error", "error_uniform", "fit_seconds"]
    for curve in found.measured[0].curves:
        for mean in curve.means:
            rows = frame.query("learner == @curve.learner and n_samples == @mean.n_samples and metric == 'accuracy'")
            assert mean.interval.mean == pytest.approx(1 - rows["value"].mean())
            assert mean.interval.low < mean.interval.mean < mean.interval.high
            assert mean.seeds == 3


def test_each_problem_has_its_findings(worth_results, worth):
    frame = worth_results.frame()
    both = pd.concat([frame.assign(problem="spiral"), frame.query("learner != 'net'").assign(problem="sphere")])
    spiral, sphere = find(worth, both)
    assert (spiral.problem, sphere.problem) == ("spiral", "sphere")
    assert spiral.worths == find(worth, frame)[0].worths
    assert sphere.worths == ()


def test_the_smallest_errors_are_ranked_where_all_were_measured(worth_results, worth):
    ranking = find(worth, worth_results.frame())[0].ranking
    assert (ranking.n_samples, ranking.everywhere) == (10_000, True)
    assert (ranking.first, ranking.second) == ("net + polar", "net")
    assert ranking.behind.mean == pytest.approx(ranking.error.mean)


def test_what_only_takes_time_is_ranked_by_nobody(worth_results, worth):
    (found,) = find(worth, worth_results.frame().query("metric == 'fit_seconds'"))
    assert (found.ranking, found.worths, found.competitors) == (None, (), ())
