import numpy as np
import pandas as pd
import pytest

from studies.analysis.breakdowns import binned, breakdown_difference, breakdown_size, breakdown_summary, is_of_bin
from studies.analysis.comparisons import paired_tests
from studies.analysis.intervals import positive_mean_interval

SEEDS = range(4)


def error(learner, n, seed, by, k):
    """The polar net is better where it is sparse and worse where it is dense, by a tenth, and by chance otherwise."""
    tilt = (3 - k) / 20 if learner == "polar" and by == "density" else 0.0
    return 0.5 - tilt + 0.001 * np.sin(seed + k + len(learner)) - n * 1e-6


@pytest.fixture
def frame():
    rows = [
        (learner, n, seed, f"error_{by}_{k}", error(learner, n, seed, by, k))
        for learner in ("net", "polar")
        for n in (100, 1000)
        for seed in SEEDS
        for by in ("density", "distance")
        for k in range(1, 6)
    ]
    rows.append(("net", 100, 0, "accuracy_uniform", 0.9))
    return pd.DataFrame(rows, columns=["learner", "n_samples", "seed", "metric", "value"])


def test_only_errors_in_bins_are_binned(frame):
    assert set(binned(frame, "density")["metric"]) == {f"error_density_{k}" for k in range(1, 6)}
    assert is_of_bin("error_distance_12")
    assert not any(map(is_of_bin, ("error", "error_density", "error_density_1_2", "error_uniform", "mse_density_1")))


def test_the_summary_has_the_mean_over_seeds_of_each_bin(frame):
    table = breakdown_summary(frame, "density", 1000)
    assert list(table["learner"]) == ["net"] * 5 + ["polar"] * 5
    for row in table.itertuples():
        interval = positive_mean_interval(
            pd.Series([error(row.learner, 1000, seed, "density", row.bin) for seed in SEEDS])
        )
        assert (row.mean, row.low, row.high) == pytest.approx((interval.mean, interval.low, interval.high))
        assert row.seeds == len(SEEDS)


def test_the_difference_says_where_a_prior_helps_and_where_it_harms(frame):
    table = breakdown_difference(frame, "polar", "net", 1000, "density")
    assert list(table["bin"]) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(table["difference"], [-0.1, -0.05, 0, 0.05, 0.1], atol=0.003)
    assert list(np.sign(table["high"])[:2]) == [-1, -1]
    assert list(np.sign(table["low"])[3:]) == [1, 1]
    assert (table["p_holm"] >= table["p"]).all()
    one = paired_tests(frame, 1000, "error_density_1", against="net").iloc[0]
    assert table.loc[0, ["difference", "low", "high", "p"]].tolist() == list(one[["difference", "low", "high", "p"]])


def test_a_difference_of_what_is_not_measured_is_refused(frame):
    with pytest.raises(ValueError, match="no errors by density of 'polar' and 'net' at n = 1,001"):
        breakdown_difference(frame, "polar", "net", 1001, "density")
    with pytest.raises(ValueError, match="unknown learner 'SVM' of the frame; known: 'net', 'polar'"):
        breakdown_difference(frame, "polar", "SVM", 1000, "density")
    with pytest.raises(ValueError, match="'by' parameter of binned must be one of 'density', 'distance'"):
        breakdown_summary(frame, "density_1", 1000)


def test_the_size_is_the_largest_that_most_learners_have(frame):
    assert breakdown_size(frame, "distance") == 1000
    fewer = frame[(frame["learner"] == "net") | (frame["n_samples"] == 100)]
    assert breakdown_size(fewer, "distance") == 100
    assert breakdown_size(frame[frame["metric"] == "accuracy_uniform"], "distance") is None
