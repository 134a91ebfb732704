import re

import pytest

from studies.analysis.findings import find
from studies.analysis.intervals import Interval, number, scale_of
from studies.web.wording import headline, highlights

NAN = float("nan")


def words_of(study, results, query="seed >= 0"):
    (found,) = find(study, results.frame().query(query))
    return " ".join(headline(found)), highlights(found)


def test_the_headline_has_the_worth_of_the_prior_and_who_catches_up(worth, worth_results):
    sentence, _ = words_of(worth, worth_results)
    assert re.match(
        r"The polar prior was worth 4 \[.*\], 4 \[.*\] and 4 \[.*\] times the data to net at n = 316, 1,000 and 3,162,"
        r" over 3 seeds of one problem\. net needs 4,000 \[.*\] training points to match net \+ polar with 1,000\. ",
        sentence,
    )
    assert sentence.endswith(", and at equal n is behind at all 5 measured sizes, 100 to 10,000.")


def test_the_highlights_are_the_worth_and_the_catching_up(worth, worth_results):
    _, (prior, competitor) = words_of(worth, worth_results)
    assert prior.value == "4 times"
    assert prior.unit.startswith("the data [")
    assert competitor.label == "kNN matches net + polar with 1,000 training points at"
    assert competitor.value == "10,000"
    assert prior.sentence.startswith("Worth of the polar prior to net at n = 1,000: 4 times the data [")
    assert " training points at 10,000 points [" in competitor.sentence


def test_a_learner_that_is_behind_at_its_largest_size_does_not_reach_the_other(worth, worth_results):
    sentence, (_, competitor) = words_of(worth, worth_results, "not (learner == 'kNN' and n_samples > 5000)")
    assert ". kNN with up to 3,162 training points does not reach net + polar with 1,000, and" in sentence
    assert (competitor.label, competitor.unit) == (
        "kNN does not reach net + polar with 1,000 training points with",
        "points",
    )
    assert competitor.value.startswith("up to ")
    assert " with 1,000 training points with up to 3,162 points. " in competitor.sentence


def test_one_seed_has_no_interval_and_so_no_worth(worth, worth_results):
    sentence, (smallest,) = words_of(worth, worth_results, "seed == 0")
    assert sentence.startswith("With 10,000 training points, the most that all learners were given, the smallest error")
    assert "[" not in sentence
    assert smallest.unit == ""


def test_where_the_plain_learner_was_not_given_enough_the_worth_is_a_bound(worth, worth_results):
    small = "not (learner == 'net' and n_samples > 1000 or learner == 'net + polar' and n_samples < 1000)"
    sentence, (prior, _) = words_of(worth, worth_results, small)
    assert (
        "worth more than 1 times the data to net at n = 1,000, over 3 seeds of one problem. net with up to" in sentence
    )
    assert prior.value == "more than 1 times"


def test_without_a_prior_the_headline_has_the_smallest_errors(worth, worth_results):
    silent = worth.model_copy(update={"questions": ()})
    sentence, (only,) = words_of(silent, worth_results, "learner != 'net + polar'")
    assert sentence.startswith(
        "With 10,000 training points, the most that all learners were given, the smallest error "
    )
    assert "is that of net, 2.9" in sentence
    assert "; next is kNN, " in sentence
    assert only.value.endswith(" %")


def test_one_learner_alone_has_no_runner_up(worth, worth_results):
    silent = worth.model_copy(update={"questions": ()})
    sentence, _ = words_of(silent, worth_results, "learner == 'kNN'")
    assert sentence.startswith("With 100,000 training points")
    assert "next" not in sentence


def test_of_times_alone_the_headline_counts_learners(worth, worth_results):
    sentence, found = words_of(worth, worth_results, "metric == 'fit_seconds'")
    assert sentence == "3 learners were measured with 100 to 100,000 training points."
    assert found == ()


def test_errors_are_in_per_cent_and_times_in_seconds():
    assert scale_of("error").with_interval(Interval(0.0291, 0.0262, 0.0322)) == "2.91 % [2.62, 3.22]"
    assert scale_of("fit_seconds").with_interval(Interval(2.0, NAN, NAN)) == "2 s"
    assert scale_of("agop_alignment").title == "agop alignment"


@pytest.mark.parametrize("value", [1e-7, 0.02, 1.0, 999.4, 123456789.0])
def test_a_number_reads_back_to_three_digits(value):
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=6e-3)
    assert "e" not in number(value)
