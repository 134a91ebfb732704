import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies.compare import paired_difference, summary
from studies.curves import errors
from studies.inference import mean_interval, positive_mean_interval

VALUES = pd.Series([0.10, 0.12, 0.09, 0.15, 0.11])


def test_interval_is_scipys():
    interval = mean_interval(VALUES)
    reference = stats.ttest_1samp(VALUES, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx(tuple(reference))


def test_positive_interval_is_multiplicative_and_as_wide_to_first_order():
    interval, plain = positive_mean_interval(VALUES), mean_interval(VALUES)
    assert interval.high / interval.mean == pytest.approx(interval.mean / interval.low)
    assert np.log(interval.high / interval.mean) == pytest.approx((plain.high - plain.mean) / plain.mean)


@pytest.mark.parametrize("interval_of", [mean_interval, positive_mean_interval])
def test_intervals_hold_the_truth_as_often_as_they_say(interval_of):
    rng = np.random.default_rng(0)
    samples = 0.1 * np.exp(0.2 * rng.standard_normal((4000, 5)))
    intervals = [interval_of(pd.Series(sample)) for sample in samples]
    truth = 0.1 * np.exp(0.2**2 / 2)
    coverage = np.mean([i.low <= truth <= i.high for i in intervals])
    assert 0.93 < coverage < 0.97


def test_one_seed_gives_no_interval():
    for interval_of in (mean_interval, positive_mean_interval):
        interval = interval_of(pd.Series([0.3]))
        assert interval.mean == 0.3
        assert np.isnan([interval.low, interval.high]).all()


def test_no_error_at_all_has_an_empty_interval():
    assert tuple(vars(positive_mean_interval(pd.Series([0.0, 0.0]))).values()) == (0.0, 0.0, 0.0)


def test_difference_is_paired_by_seed_and_not_by_place():
    a = pd.Series([0.5, 0.3, 0.1], index=[2, 1, 0])
    b = pd.Series([0.0, 0.2, 0.4, 9.9], index=[0, 1, 2, 3])
    assert paired_difference(a, b).mean == pytest.approx(0.1)
    assert paired_difference(a, b).high == pytest.approx(0.1)


def test_pairing_is_what_makes_a_small_difference_seen():
    rng = np.random.default_rng(0)
    hard = pd.Series(0.1 * rng.random(8))
    better = hard - 0.01 + 0.001 * pd.Series(rng.standard_normal(8))
    assert paired_difference(better, hard).high < 0
    assert stats.ttest_ind(better, hard).pvalue > 0.05


def test_no_seed_in_common_is_an_error():
    with pytest.raises(ValueError, match="no seed in common"):
        paired_difference(pd.Series([1.0], index=[0]), pd.Series([1.0], index=[1]))


def test_summary_of_errors():
    rows = [
        ("a", 10, seed, metric, value)
        for seed, value in enumerate((0.8, 0.9))
        for metric in ("accuracy", "fit_seconds")
    ]
    frame = pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])
    table = summary(errors(frame))
    assert table[["learner", "n_samples", "metric", "seeds"]].to_numpy().tolist() == [["a", 10, "error", 2]]
    assert table["mean"].item() == pytest.approx(0.15)
    assert table["low"].item() < 0.15 < table["high"].item()
