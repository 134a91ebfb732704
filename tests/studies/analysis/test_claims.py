import numpy as np
import pandas as pd
import pytest

from studies.analysis.claims import (
    CLAIMS,
    VERDICTS,
    Claim,
    Evidence,
    NotMeasured,
    check_claims,
    claim,
    log_log_slopes,
    log_ratio,
    map_measured,
    seed_table,
    values_of,
)
from studies.analysis.verdicts import Estimate, Requirement

TABLE = pd.DataFrame({10: [1.0, 2.0, 4.0], 100: [0.1, 0.2, 0.4], 1000: [0.01, 0.02, 0.04]}, index=[0, 1, 2])


SURE, WRONG = Requirement(Estimate(0.5, 0.01, 4), 0, 1), Requirement(Estimate(0.5, 0.01, 4), high=0)
UNCLEAR = Requirement(Estimate(0.5, 1.0, 4), 0, 1, 100, " points")


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(CLAIMS, "_entries", {})
    monkeypatch.setattr(CLAIMS, "_loaded", True)


def test_a_study_is_checked_on_its_own_claims_in_order(registry):
    @claim("a", says="it is small", source="A paper", tolerated="0 to 1")
    def small(frame):
        return Evidence(f"{frame['value'].mean()}", [SURE])

    @claim("a", says="it is negative", source="Another", tolerated="below 0", changed="the range")
    def negative(frame):
        return Evidence(f"{frame['value'].mean()}", [WRONG])

    frame = pd.DataFrame({"value": [0.25, 0.75]})
    assert check_claims("a", frame) == [
        Claim("it is small", "A paper", "0 to 1", "0.5", True),
        Claim("it is negative", "Another", "below 0", "0.5", False, changed="the range"),
    ]
    assert check_claims("b", frame) == []


def test_an_undecided_claim_says_what_could_have_been_detected(registry):
    @claim("a", says="it is small", source="A paper", tolerated="0 to 1")
    def small(frame):
        return Evidence("0.5", [SURE, UNCLEAR])

    @claim("a", says="it falls", source="A paper", tolerated="a law")
    def falls(frame):
        return Evidence("no law", [])

    unclear, without = check_claims("a", pd.DataFrame())
    assert (unclear.verdict, unclear.undecided) == (
        "inconclusive",
        "a deviation of 370 points would have been detected with 80 % power",
    )
    assert (without.verdict, without.undecided) == ("inconclusive", "")


def test_the_claims_of_a_study_are_one_family(registry):
    barely = Requirement(Estimate(3.0, 1.0, 4), low=0)

    def check(frame, k):
        return Evidence("", [barely])

    claim("a", says="", source="", tolerated="", k=(1,))(check)
    assert check_claims("a", pd.DataFrame())[0].holds
    claim("b", says="", source="", tolerated="", k=(1, 2))(check)
    found = check_claims("b", pd.DataFrame())
    assert [(each.holds, each.undecided) for each in found] == [
        (None, "not significant after correction for the number of claims")
    ] * 2


def test_a_claim_has_a_case_for_each_combination_of_values_of_its_arguments(registry):
    @claim(
        "a",
        says="{k} at {n:,} is {size}",
        source="{source}",
        tolerated="above {n}",
        k=("x", "y"),
        n=lambda frame: values_of(frame, "n"),
    )
    def large(frame, k, n):
        return Evidence("", [], {"size": "large", "source": f"Paper on {k}"})

    found = check_claims("a", pd.DataFrame({"n": [1000, 2000]}))
    assert [(c.says, c.source, c.tolerated) for c in found] == [
        (f"{k} at {n:,} is large", f"Paper on {k}", f"above {n}") for k in "xy" for n in (1000, 2000)
    ]


def test_claims_and_cases_that_are_not_measured_are_left_out(registry):
    @claim("a", says="{n}", source="", tolerated="", n=(10, 20))
    def measured(frame, n):
        return Evidence(str(len(seed_table(frame, "mse", needs=(n,)))), [SURE])

    @claim("a", says="{width}", source="", tolerated="", width=lambda frame: values_of(frame, "width"))
    def along_no_axis(frame, width):
        return Evidence("", [SURE])

    frame = pd.DataFrame({"seed": [0, 1], "n_samples": 10, "metric": "mse", "value": 1.0})
    assert check_claims("a", frame) == [Claim("10", "", "", "2", True)]


def test_a_claim_about_a_study_is_registered_once(registry):
    def check(frame):
        return Evidence("", [])

    claim("a", says="", source="", tolerated="")(check)
    claim("b", says="", source="", tolerated="")(check)
    with pytest.raises(ValueError, match="'a: check'"):
        claim("a", says="", source="", tolerated="")(check)


def test_every_claim_has_a_source_and_a_range():
    assert all(check.says and check.source and check.tolerated for check in CLAIMS.values())


def test_a_verdict_may_be_open():
    words = ["supported", "not supported", "inconclusive"]
    assert [Claim("", "", "", "", holds).verdict for holds in (True, False, None)] == words == list(VERDICTS.values())


def test_claims_are_about_built_in_studies():
    from studies.spec.study import built_in

    assert {check.study for check in CLAIMS.values()} <= set(built_in())


def test_a_frame_becomes_a_table_of_the_complete_seeds():
    rows = [(s, n, m, s + n) for s in range(3) for n in (20, 10) for m in ("mse", "r2") if (s, n) != (2, 10)]
    frame = pd.DataFrame(rows, columns=["seed", "n_samples", "metric", "value"]).assign(width=4)
    table = seed_table(frame, "mse", width=4)
    assert table.columns.tolist() == [10, 20]
    assert table.to_numpy().tolist() == [[10, 20], [11, 21]]


def test_a_table_needs_two_seeds_and_the_values_asked_for():
    frame = pd.DataFrame({"seed": [0, 1], "n_samples": 10, "metric": "mse", "value": 1.0})
    for missing, needs in ((frame, (20,)), (frame[:1], ()), (frame.assign(metric="r2"), ())):
        with pytest.raises(NotMeasured):
            seed_table(missing, "mse", needs=needs)


def test_a_function_is_mapped_over_what_is_measured():
    def known(n):
        if n > 15:
            raise NotMeasured
        return 2 * n

    assert map_measured(known, (10, 20)) == {10: 20}
    with pytest.raises(NotMeasured, match="20, 30"):
        map_measured(known, (20, 30))


def test_the_slope_of_a_power_law_is_its_exponent():
    x = np.array([1.0, 10.0, 100.0])
    table = pd.DataFrame([2 * x**-1.0, 3 * x**-2.5], columns=x, index=[0, 7])
    assert log_log_slopes(table).to_dict() == pytest.approx({0: -1, 7: -2.5})


def test_a_log_ratio_is_paired_by_seed():
    found = log_ratio(TABLE[10], TABLE[100][:2])
    assert found.mean == pytest.approx(np.log(10))
    assert (found.error, found.freedom) == (0, 1)
