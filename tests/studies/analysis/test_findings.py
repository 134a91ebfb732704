"""The findings of a study whose worths are known in closed form: see ``conftest.power_law``."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from studies.analysis.crossovers import DataEquivalence, NoEquivalence
from studies.analysis.findings import PriorWorth, answers, find, worth_of
from studies.analysis.intervals import CensoredInterval, overlap_factor
from studies.analysis.learning_curves import NotMeasured, Sampling, losses
from studies.analysis.scaling_laws import fit_all
from studies.spec.sections import Question, Worth
from studies.spec.study import Study


def test_the_worth_of_a_prior_is_that_at_the_size_of_a_question(worth_results, worth):
    (found,) = find(worth, worth_results.frame())
    (prior,) = found.worths
    assert (prior.prior, prior.plain, prior.informed, prior.equivalence.n) == ("polar", "net", "net + polar", 1000)
    assert prior.times.value == pytest.approx(4)
    assert (found.reference, found.n_samples) == ("net + polar", 1000)
    assert [competitor.learner for competitor in found.competitors] == ["net", "kNN"]
    (main,) = found.main_competitors
    assert main.learner == "kNN"
    assert main.equivalence.n_samples.value == pytest.approx(10_000)
    assert (main.crossover.n, main.crossover.winner) == (None, "net + polar")


def test_only_the_competitors_that_are_asked_for_are_compared(monkeypatch, worth_results, worth):
    compared = []
    monkeypatch.setattr("studies.analysis.findings.crossover_of", lambda *pair: compared.append(pair[:2]))
    (found,) = find(worth, worth_results.frame())
    assert compared == [("net + polar", "kNN")]
    assert len(found.competitors) == 2
    assert compared[1:] == [("net + polar", "net"), ("net + polar", "kNN")]


def test_a_worth_that_is_asked_for_comes_first_and_at_its_own_size(worth_results, worth):
    (prior,) = find(worth, worth_results.frame())[0].worths
    sizes = sorted(worth_results.frame()["n_samples"].unique())
    asked = Question(worth=Worth(prior=prior.informed, of=prior.plain, n_samples=sizes[1]))
    study = worth.model_copy(update={"questions": (*worth.questions, asked)})
    (found,) = find(study, worth_results.frame())
    assert found.worths[0].equivalence.n == sizes[1]
    assert str(found.worths[0])[1:] in answers(study, worth_results.frame())[-1]


def test_without_questions_the_worth_is_that_at_the_largest_size_from_the_side_that_is_measured(worth_results, worth):
    silent = worth.model_copy(update={"questions": ()})
    (found,) = find(silent, worth_results.frame())
    (prior,) = found.worths
    assert (prior.equivalence.a, prior.equivalence.b, prior.equivalence.n) == ("net", "net + polar", 10_000)
    assert prior.times.value == pytest.approx(4)
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
    smallest = find(worth, worth_results.frame())[0].smallest_errors
    assert (smallest.n_samples, smallest.everywhere) == (10_000, True)
    assert (smallest.first, smallest.second) == ("net + polar", "net")
    assert smallest.behind.mean == pytest.approx(smallest.error.mean)


def test_times_alone_are_not_compared(worth_results, worth):
    (found,) = find(worth, worth_results.frame().query("metric == 'fit_seconds'"))
    assert (found.smallest_errors, found.worths, found.competitors) == (None, (), ())


def test_a_worth_is_the_same_from_either_side():
    needs = DataEquivalence("polar net", "net", 100, CensoredInterval(4, 2, 8))
    matches = DataEquivalence("net", "polar net", 400, CensoredInterval(1 / 4, 1 / 8, 1 / 2))
    forward, backward = (PriorWorth("polar", "net", "polar net", found) for found in (needs, matches))
    assert forward.times == backward.times == CensoredInterval(4, 2, 8)
    assert str(backward).endswith(
        "the polar prior was worth 4 [2, 8] times the data to net at n = 400: polar net with 100 [50, 200] training"
        " points matches net with 400"
    )


def worth_at(n, *times):
    return PriorWorth("polar", "net", "polar net", DataEquivalence("polar net", "net", n, CensoredInterval(*times)))


@pytest.mark.parametrize(
    ("main", "nearby", "words"),
    [
        (
            worth_at(1000, 3.81, 2.73, 5.79),
            (worth_at(316, 2.7, 2.2, 3.4), worth_at(3162, np.inf, 3.2, np.inf)),
            "was worth 2.7 [2.2, 3.4], 3.8 [2.7, 5.8] and more than 3.2 times the data to net"
            " at n = 316, 1,000 and 3,162",
        ),
        (
            worth_at(1000, 1.1, 0.9, 1.4),
            (worth_at(316, 1, 0.8, np.inf),),
            "had no significant worth, 1 [at least 0.8] and 1.1 [0.9, 1.4] times the data to net at n = 316 and 1,000",
        ),
    ],
)
def test_a_worth_reads_as_one_sentence_at_several_sizes(main, nearby, words):
    assert replace(main, nearby=nearby).answer == f"the polar prior {words}"


def test_a_worth_is_given_at_the_nearest_sizes_whose_intervals_have_two_ends(worth_results, worth):
    frame = worth_results.frame()
    (prior,) = find(worth, frame)[0].worths
    assert [each.equivalence.n for each in prior.nearby] == [3162, 316]
    rows = losses(frame)
    assert [each.equivalence.n for each in worth_of(worth, rows, "net + polar", "net", 10_000).nearby] == [3162, 1000]
    bounds = rows[(rows["learner"] != "net") | (rows["n_samples"] > 500)]
    found = worth_of(worth, bounds, "net + polar", "net", 1000)
    assert [(each.equivalence.n, each.is_bounded) for each in found.nearby] == [(3162, True), (10_000, True)]


def test_without_errors_there_is_no_worth(worth_results, worth):
    frame = losses(worth_results.frame())
    frame["value"] *= 0.0
    with pytest.raises(NoEquivalence, match="their measured errors are equal"):
        worth_of(worth, frame, "net + polar", "net", 1000)


@pytest.mark.parametrize(
    ("attrs", "seeds", "scope"),
    [
        ({"own_test": True}, 3, "over 3 problems, one for each seed"),
        ({}, 3, "over 3 seeds of one problem"),
        ({"n_rows": 200_000}, 3, "over 3 samples of one data set"),
        ({}, 1, "of one seed"),
    ],
)
def test_findings_say_what_their_intervals_cover(worth_results, worth, attrs, seeds, scope):
    frame = worth_results.frame().query("seed < @seeds")
    frame.attrs |= attrs
    assert find(worth, frame)[0].scope == scope


@pytest.mark.parametrize(
    ("prior", "times", "is_significant", "title"),
    [
        ("polar", (3.81, 2.73, 5.79), True, "At n = 100, the polar prior is worth 3.8 times the data"),
        ("polar", (np.inf, 10, np.inf), True, "At n = 100, the polar prior is worth more than 10 times the data"),
        ("mine", (4, 2, 8), True, "At n = 100, knn needs 4 times the data of mine"),
        ("polar", (0.5, 0.25, 0.8), True, "At n = 100, mine needs 2 times the data of knn"),
        ("mine", (0, 0, 0.25), True, "At n = 100, mine needs more than 4 times the data of knn"),
        ("polar", (2, 0.5, 8), False, None),
        ("polar", (np.inf, 0.5, np.inf), False, None),
        ("polar", (1, 1 - 1e-15, 1 + 1e-15), False, None),
    ],
)
def test_the_title_of_a_significant_worth(prior, times, is_significant, title):
    worth = PriorWorth(prior, "knn", "mine", DataEquivalence("mine", "knn", 100, CensoredInterval(*times)))
    assert worth.is_significant == is_significant
    assert not is_significant or worth.title == title


def test_a_worth_names_a_prior_only_if_that_is_the_one_difference(worth_results, worth):
    rows = losses(worth_results.frame())
    assert worth_of(worth, rows, "net + polar", "net", 1000).prior == "polar"
    assert worth_of(worth, rows, "net + polar", "kNN", 1000).prior == "net + polar"
    with pytest.raises(NotMeasured, match="unknown learner 'nett'"):
        worth_of(worth, rows, "nett", "net")
    with pytest.raises(ValueError, match="within the sizes of"):
        worth_of(worth, rows, "net + polar", "net", 10)


def test_answers_have_means_and_the_difference(worth_results, worth):
    first, second = answers(worth, worth_results.frame())
    assert first == "Does the prior help? Yes: 4.64 % against 9.27 %, lower by 50 % [50, 50]."
    assert second.startswith("Does kNN catch up? Equal to within 20 %: 4.64 % against 4.64 %, no difference on 50,000 ")


def test_a_question_is_answered_on_problems_that_its_learners_learn(worth_results, worth):
    described = worth.model_dump()
    described["problems"] = {name: {"problem": "spiral", "params": {"turns": n}} for name, n in (("a", 2), ("b", 3))}
    described["learners"]["net"]["problems"] = ["a"]
    both = pd.concat([worth_results.frame().assign(problem=name) for name in "ab"])
    found = answers(Study.from_dict(described), both.query("problem == 'a' or learner != 'net'"))
    assert [answer.split("?")[0] for answer in found] == [
        "a: Does the prior help",
        "a: Does kNN catch up",
        "b: Does kNN catch up",
    ]


def test_an_answer_needs_a_common_seed(worth_results, worth):
    frame = worth_results.frame().query("(learner == 'net') == (seed == 0)")
    assert answers(worth, frame)[0] == "Does the prior help? Not measured yet."


def test_one_seed_cannot_tell(worth_results, worth):
    frame = worth_results.frame().query("seed == 0")
    assert answers(worth, frame)[0] == "Does the prior help? Cannot tell: 4.78 % against 9.55 %, without an interval."


@pytest.mark.parametrize(
    ("measured", "answer"),
    [
        ("n_samples == 1000", "Cannot tell: 'net' is measured at one sample size, and a curve needs 2."),
        ("seed == 0", "Cannot tell: 'net + polar' and 'net' have one seed in common, and an interval needs 2."),
        ("learner == 'net'", "Not measured yet."),
        ("(learner == 'net') == (n_samples < 1000)", "Cannot tell: they have no sample size in common."),
    ],
)
def test_the_worth_of_measured_learners_that_has_no_estimate_has_a_reason(worth_results, worth, measured, answer):
    asked = worth.model_copy(update={"questions": (Question(worth={"prior": "net + polar", "of": "net"}),)})
    (found,) = answers(asked, worth_results.frame().query(measured))
    assert found == f"How many times the data is net + polar worth beside net? {answer}"


def test_findings_of_samples_of_one_data_set_are_less_certain(worth_of_rows, worth_results, worth):
    (fresh,), (drawn,) = (find(worth, results.frame()) for results in (worth_results, worth_of_rows))
    assert drawn.sampling == Sampling(100_000, 500, on_rows=True)
    assert drawn.worths[0].times.value == pytest.approx(fresh.worths[0].times.value)
    assert drawn.worths[0].times.high > fresh.worths[0].times.high
    behind = []
    for frame in (worth_results.frame(), worth_of_rows.frame()):
        frame.attrs["n_test"] = None  # of 500 test rows fewer than ten are wrong, which would widen the second one
        behind.append(find(worth, frame)[0].smallest_errors.behind)
    factor = float(overlap_factor(10_000, 100_000, 3))
    assert behind[1].high - behind[1].mean == pytest.approx(factor * (behind[0].high - behind[0].mean))
    of_knn = next(curve for curve in drawn.measured[0].curves if curve.learner == "kNN")
    assert [np.isnan(mean.interval.low) for mean in of_knn.means] == [
        mean.n_samples == 100_000 for mean in of_knn.means
    ]
    assert "Yes: 4.64 % against 9.27 %" in answers(worth, worth_of_rows.frame())[0]


@pytest.mark.parametrize(
    ("measured", "compared", "value"),
    [
        (["roc_auc"], "roc_auc_loss", lambda loss: 1 - loss),
        (["neg_log_loss", "fit_seconds"], "log_loss", lambda loss: -loss),
        (["accuracy", "roc_auc"], "error", lambda loss: 1 - loss),
    ],
)
def test_the_loss_of_any_metric_can_be_what_learners_are_compared_by(worth_results, worth, measured, compared, value):
    errors = losses(worth_results.frame()).query("metric == 'error'")
    frame = pd.concat([errors.assign(metric=name, value=value(errors["value"])) for name in measured])
    (found,) = find(worth, frame)
    assert found.measured[0].metric == compared
    assert found.smallest_errors.metric == compared
    assert found.worths[0].times.value == pytest.approx(4)
    assert answers(worth, frame)[0].startswith("Does the prior help? Yes: ")
    assert fit_all(losses(frame), compared)["kNN"].exponent.mean == pytest.approx(0.5, abs=0.01)


def test_without_a_question_the_worth_is_at_the_largest_size_with_a_bounded_interval(worth_results, worth):
    """Where both have reached the error that no learner can avoid, the interval is not bounded."""
    silent = worth.model_copy(update={"questions": ()})
    frame, noise = losses(worth_results.frame()), np.random.default_rng(0)
    at_floor = frame["n_samples"] > 1000
    frame.loc[at_floor, "value"] = 0.01 * np.exp(0.1 * noise.standard_normal(at_floor.sum()))
    found = worth_of(silent, frame, "net + polar", "net")
    assert found.equivalence.n <= 1000
    assert 0 < found.times.low <= found.times.high < np.inf
