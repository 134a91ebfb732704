import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats

from studies.analysis.claims import (
    Claim,
    NotMeasured,
    all_of,
    by_seed,
    is_significant,
    least_p,
    log_ratio,
    measured,
    p_values,
    slopes,
    tell,
)
from studies.analysis.intervals import Interval
from studies.plots.style import draw, finish

TABLE = pd.DataFrame({10: [1.0, 2.0, 4.0], 100: [0.1, 0.2, 0.4], 1000: [0.01, 0.02, 0.04]}, index=[0, 1, 2])


def test_a_frame_becomes_a_table_of_the_seeds_that_have_all():
    rows = [(s, n, m, s + n) for s in range(3) for n in (20, 10) for m in ("mse", "r2") if (s, n) != (2, 10)]
    frame = pd.DataFrame(rows, columns=["seed", "n_samples", "metric", "value"]).assign(width=4)
    table = by_seed(frame, "mse", width=4)
    assert table.columns.tolist() == [10, 20]
    assert table.to_numpy().tolist() == [[10, 20], [11, 21]]


def test_the_slope_of_a_power_law_is_its_exponent():
    x = np.array([1.0, 10.0, 100.0])
    table = pd.DataFrame([2 * x**-1.0, 3 * x**-2.5], columns=x, index=[0, 7])
    assert slopes(table).to_dict() == pytest.approx({0: -1, 7: -2.5})


def test_means_are_told_from_theory_by_two_sided_t_tests():
    values = np.random.default_rng(0).normal([0.0, 0.0, 2.0], size=(9, 3))
    p = stats.ttest_1samp(values, [0.0, 0.0, 0.5]).pvalue
    assert p_values(values, [0.0, 0.0, 0.5]) == pytest.approx(p)
    assert p_values(values, [0.0, 0.0, 0.5], least_error=10.0).min() > 0.5
    assert least_p([p[:1], p[1:]]) == pytest.approx(3 * p.min())


def test_what_is_not_measured_is_not_told():
    frame = pd.DataFrame({"seed": [0, 1], "n_samples": 10, "metric": "mse", "value": 1.0})
    with pytest.raises(NotMeasured):
        by_seed(frame, "mse", needs=(20,))
    with pytest.raises(NotMeasured):
        by_seed(frame[:1], "mse")

    def claim(frame):
        return Claim("", "", str(len(by_seed(frame, "mse"))), True)

    def missing(frame):
        return claim(frame[frame["n_samples"] == 20])

    assert list(tell(frame, (missing, claim, missing))) == [Claim("", "", "2", True)]
    assert measured(lambda n: len(by_seed(frame[frame["n_samples"] == n], "mse")), (10, 20)) == {10: 2}
    with pytest.raises(NotMeasured):
        measured(lambda n: by_seed(frame, "r2"), (1, 2))


def test_all_of_some_verdicts():
    assert [all_of(found) for found in ([True, True], [True, None], [None, False])] == [True, None, False]


def test_a_log_ratio_is_paired_by_seed():
    found = log_ratio(TABLE[10], TABLE[100][:2])
    assert found.mean == pytest.approx(np.log(10))
    assert found.high == pytest.approx(found.low)


@pytest.mark.parametrize(("low", "high", "verdict"), [(0.1, 1, True), (-1, 1, None), (-1, -0.1, False)])
def test_only_an_interval_clear_of_zero_decides(low, high, verdict):
    assert is_significant(Interval((low + high) / 2, low, high)) is verdict


def test_the_median_of_the_seeds_is_drawn():
    ax = Figure().subplots()
    draw(ax, TABLE, color="red")
    assert ax.lines[0].get_xydata().tolist() == [[10, 2.0], [100, 0.2], [1000, 0.02]]
    assert ax.lines[0].get_color() == "red"


def test_logarithmic_axes_have_ticks_in_words_unless_they_have_ticks_of_their_own():
    ax = Figure().subplots()
    ax.set(xscale="log", yscale="log", xlim=(1, 10), ylim=(1, 1e4))
    ax.set_xticks([1, 2, 5], ["one", "two", "five"])
    ax.plot([1, 5], [1, 1e4], label="line")
    finish(ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["one", "two", "five"]
    assert ax.yaxis.get_major_formatter()(1000) == "1,000"
