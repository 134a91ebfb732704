import pytest

from studies.analysis.crossovers import Crossover
from studies.analysis.findings import Competitor, Equivalence, Estimate, PriorWorth, bounds, find
from studies.analysis.intervals import Interval, number, scale_of
from studies.web.wording import headline, highlights, needed, standing

NAN = float("nan")
INF = float("inf")


def told(study, results, query="seed >= 0"):
    (found,) = find(study, results.frame().query(query))
    return headline(found), highlights(found)


def test_the_headline_says_what_the_prior_was_worth_and_who_catches_up(worth, worth_results):
    sentence, _ = told(worth, worth_results)
    assert sentence.startswith("At n = 1,000, the polar prior was worth 4 times the data [4, 4]: net needs 4,000 ")
    assert sentence.endswith("; kNN needs 10,000 [10,000, 10,000], and at equal n is behind all the way to 10,000.")


def test_the_highlights_are_the_worth_and_the_catching_up(worth, worth_results):
    _, (prior, chaser) = told(worth, worth_results)
    assert (prior.value, prior.unit) == ("4 times", "the data [4, 4]")
    assert chaser.label == "kNN overtakes net + polar with 1,000 at"
    assert chaser.value == "10,000"


def test_one_seed_has_no_interval_and_so_tells_no_worth(worth, worth_results):
    sentence, (smallest,) = told(worth, worth_results, "seed == 0")
    assert sentence.startswith("With 10,000 training points, the most that all learners were given, the smallest error")
    assert "[" not in sentence
    assert smallest.unit == ""


def test_where_the_plain_learner_was_not_given_enough_the_worth_is_a_bound(worth, worth_results):
    small = "not (learner == 'net' and n_samples > 1000 or learner == 'net + polar' and n_samples < 1000)"
    sentence, (prior, _) = told(worth, worth_results, small)
    assert "worth more than 1 times the data: net needs more than 1,000 training points to match net + pol" in sentence
    assert prior.value == "more than 1 times"


def test_without_a_prior_the_smallest_errors_are_ranked(worth, worth_results):
    silent = worth.model_copy(update={"questions": ()})
    sentence, (only,) = told(silent, worth_results, "learner != 'net + polar'")
    assert sentence.startswith(
        "With 10,000 training points, the most that all learners were given, the smallest error "
    )
    assert "is that of net, 2.9" in sentence
    assert "; next is kNN, " in sentence
    assert only.value.endswith(" %")


def test_one_learner_alone_is_followed_by_nobody(worth, worth_results):
    silent = worth.model_copy(update={"questions": ()})
    sentence, _ = told(silent, worth_results, "learner == 'kNN'")
    assert sentence.startswith("With 100,000 training points")
    assert "next" not in sentence


def test_times_alone_are_announced(worth, worth_results):
    sentence, found = told(worth, worth_results, "metric == 'fit_seconds'")
    assert sentence == "3 learners were measured with 100 to 100,000 training points."
    assert found == ()


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (2, 3, "[2, 3]"),
        (2, INF, "[at least 2]"),
        (0, 3, "[at most 3]"),
        (0, INF, "[open to both sides]"),
        (NAN, NAN, ""),
    ],
)
def test_an_open_interval_says_on_which_side(low, high, words):
    assert bounds(Estimate(2.5, low, high)) == words


@pytest.mark.parametrize(("beyond", "words"), [("above", "more than 9,487"), ("below", "less than 9,487")])
def test_a_bound_is_told_in_full(beyond, words):
    found = Equivalence("a", "b", 100, Estimate(9486.83, NAN, NAN, beyond))
    assert needed(Competitor("b", found, None)) == words


@pytest.mark.parametrize(
    ("winner", "n", "count", "lead", "words"),
    [
        ("a", None, 0, (100, 1000), "is behind all the way to 1,000"),
        ("b", None, 0, (100, 1000), "is ahead from 100 on"),
        ("b", None, 0, (212.3, 1000), "is ahead from 212 to 1,000, elsewhere not told apart"),
        ("b", Interval(300, 200, 450), 1, (450, 1000), "overtakes at 300 [200, 450]"),
        ("a", Interval(300, 200, 450), 3, (450, 900), "falls behind at 300 [200, 450], the last of 3 crossings"),
        (None, None, 0, None, "is not told apart up to 1,000"),
    ],
)
def test_how_a_rival_stands(winner, n, count, lead, words):
    assert standing(Crossover("a", "b", (100, 1000), n, count, winner, lead), "b") == words


def test_a_worth_is_the_same_from_either_side():
    forward = PriorWorth("polar", "net", "polar net", Equivalence("polar net", "net", 100, Estimate(400, 200, 800)))
    backward = PriorWorth("polar", "net", "polar net", Equivalence("net", "polar net", 400, Estimate(100, 50, 200)))
    assert forward.times == backward.times == Estimate(4, 2, 8)


def test_errors_are_in_per_cent_and_times_in_seconds():
    assert scale_of("error").with_interval(Interval(0.0291, 0.0262, 0.0322)) == "2.91 % [2.62, 3.22]"
    assert scale_of("fit_seconds").with_interval(Interval(2.0, NAN, NAN)) == "2 s"
    assert scale_of("agop_alignment").title == "agop alignment"


@pytest.mark.parametrize("value", [1e-7, 0.02, 1.0, 999.4, 123456789.0])
def test_a_number_reads_back_to_three_digits(value):
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=6e-3)
    assert "e" not in number(value)
