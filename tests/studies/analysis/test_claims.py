import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies.analysis.claims import (
    CLAIMS,
    VERDICTS,
    Claim,
    Evidence,
    NotMeasured,
    all_hold,
    check_claims,
    claim,
    is_positive,
    is_within,
    log_log_slopes,
    map_measured,
    mean_log_ratio,
    min_holm_p,
    seed_table,
    t_test_p_values,
    values_of,
)
from studies.analysis.intervals import Interval

TABLE = pd.DataFrame({10: [1.0, 2.0, 4.0], 100: [0.1, 0.2, 0.4], 1000: [0.01, 0.02, 0.04]}, index=[0, 1, 2])


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(CLAIMS, "_entries", {})
    monkeypatch.setattr(CLAIMS, "_loaded", True)


def test_a_study_is_checked_on_its_own_claims_in_order(registry):
    @claim("a", says="it is small", source="A paper")
    def small(frame):
        return Evidence(f"{frame['value'].mean()}", frame["value"].mean() < 1)

    @claim("a", says="it is large", source="Another")
    def large(frame):
        return Evidence(f"{frame['value'].mean()}", frame["value"].mean() > 1)

    frame = pd.DataFrame({"value": [0.25, 0.75]})
    assert check_claims("a", frame) == [
        Claim("it is small", "A paper", "0.5", True),
        Claim("it is large", "Another", "0.5", False),
    ]
    assert check_claims("b", frame) == []


def test_a_claim_has_a_case_for_each_combination_of_values_of_its_arguments(registry):
    @claim("a", says="{k} at {n:,} is {size}", source="{source}", k=("x", "y"), n=lambda frame: values_of(frame, "n"))
    def large(frame, k, n):
        return Evidence("", None, {"size": "large", "source": f"Paper on {k}"})

    found = check_claims("a", pd.DataFrame({"n": [1000, 2000]}))
    assert [(c.says, c.source) for c in found] == [
        (f"{k} at {n} is large", f"Paper on {k}") for k in "xy" for n in ("1,000", "2,000")
    ]


def test_claims_and_cases_that_are_not_measured_are_left_out(registry):
    @claim("a", says="{n}", source="", n=(10, 20))
    def measured(frame, n):
        return Evidence(str(len(seed_table(frame, "mse", needs=(n,)))), True)

    @claim("a", says="{width}", source="", width=lambda frame: values_of(frame, "width"))
    def along_no_axis(frame, width):
        return Evidence("", True)

    frame = pd.DataFrame({"seed": [0, 1], "n_samples": 10, "metric": "mse", "value": 1.0})
    assert check_claims("a", frame) == [Claim("10", "", "2", True)]


def test_a_claim_about_a_study_is_registered_once(registry):
    def check(frame):
        return Evidence("", None)

    claim("a", says="", source="")(check)
    claim("b", says="", source="")(check)
    with pytest.raises(ValueError, match="'a: check'"):
        claim("a", says="", source="")(check)


def test_a_verdict_may_be_open():
    verdicts = ["supported", "not supported", "inconclusive"]
    assert [Claim("", "", "", holds).verdict for holds in (True, False, None)] == verdicts == list(VERDICTS.values())


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


def test_means_are_compared_with_theory_by_two_sided_t_tests():
    values = np.random.default_rng(0).normal([0.0, 0.0, 2.0], size=(9, 3))
    p = stats.ttest_1samp(values, [0.0, 0.0, 0.5]).pvalue
    assert t_test_p_values(values, [0.0, 0.0, 0.5]) == pytest.approx(p)
    assert t_test_p_values(values, [0.0, 0.0, 0.5], min_error=10.0).min() > 0.5
    assert min_holm_p([p[:1], p[1:]]) == pytest.approx(3 * p.min())


def test_a_conjunction_is_false_if_one_verdict_is_and_else_open_if_one_is():
    assert [all_hold(found) for found in ([True, True], [True, None], [None, False])] == [True, None, False]


def test_a_log_ratio_is_paired_by_seed():
    found = mean_log_ratio(TABLE[10], TABLE[100][:2])
    assert found.mean == pytest.approx(np.log(10))
    assert found.high == pytest.approx(found.low)


@pytest.mark.parametrize(("low", "high", "verdict"), [(0.1, 1, True), (-1, 1, None), (-1, -0.1, False)])
def test_only_an_interval_clear_of_zero_decides_the_sign(low, high, verdict):
    assert is_positive(Interval((low + high) / 2, low, high)) is verdict


@pytest.mark.parametrize(("low", "high", "verdict"), [(2.1, 3.9, True), (1, 3, None), (2, 3, None), (0, 1, False)])
def test_only_an_interval_clear_of_both_bounds_decides_whether_it_is_within(low, high, verdict):
    assert is_within(Interval((low + high) / 2, low, high), 2, 4) is verdict
