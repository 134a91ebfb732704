import numpy as np
import pandas as pd
import pytest

from studies.analysis.comparisons import summary
from studies.analysis.intervals import overlap_factor
from studies.analysis.learning_curves import (
    LearningCurve,
    Sampling,
    by_problem,
    errors_at,
    learning_curve,
    losses,
    paired_curves,
    sampling_of,
)
from studies.registry.test_sets import N_TEST

SIZES = np.array([100, 300, 1000, 3000])


def noisy(n_seeds=5, slope=0.5, spread=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return 2 * SIZES**-slope * np.exp(spread * rng.standard_normal((n_seeds, len(SIZES))))


def test_means_leave_one_seed_out_a_row():
    errors = noisy()
    expected = [errors.mean(axis=0), *(np.delete(errors, i, axis=0).mean(axis=0) for i in range(5))]
    np.testing.assert_allclose(LearningCurve(SIZES, errors).log_means(), np.log(expected))


def test_a_mean_error_of_0_counts_as_half_an_error():
    errors = np.array([[0.1, 0.01, 0.001, 0.0]] * 3)
    log_means = LearningCurve(SIZES, errors, n_test=5000).log_means()
    np.testing.assert_allclose(np.exp(log_means[:, 3]), 1e-4)
    np.testing.assert_allclose(np.exp(log_means[:, :3]), errors[:1, :3].repeat(4, axis=0))


def test_a_size_with_less_than_half_an_error_a_seed_has_no_finite_noise():
    curve = LearningCurve([10, 20, 30, 40], [[0.1, 0.01, 0.001, 0.0], [0.1, 0.02, 0.0, 0.0]], n_test=1000)
    np.testing.assert_array_equal(curve.has_errors(), [True, True, True, False])
    np.testing.assert_array_equal(np.isinf(curve.noise()), [False, False, False, True])
    assert LearningCurve([10, 20], [[0.1, 0.0], [0.1, 1e-9], [0.1, 1e-9]]).has_errors().all()


def test_a_positive_mean_is_not_raised_for_a_seed_without_errors():
    errors = np.array([[0.1, 0.01, 0.001, 0.0], [0.1, 0.01, 0.001, 0.002], [0.1, 0.01, 0.001, 0.001]])
    assert np.exp(LearningCurve(SIZES, errors, n_test=5000).log_means()[0, 3]) == pytest.approx(0.001)


def test_noise_is_between_own_and_common_and_at_least_that_of_the_test_points():
    errors = noisy()
    own = errors.std(axis=0, ddof=1) / errors.mean(axis=0) / np.sqrt(5)
    common = np.sqrt(np.mean(own**2))
    noise = LearningCurve(SIZES, errors).noise()
    assert np.all((np.minimum(own, common) <= noise) & (noise <= np.maximum(own, common)))
    few = LearningCurve(SIZES, errors, n_test=30)
    np.testing.assert_allclose(few.noise(), few.test_noise() / np.sqrt(5))
    np.testing.assert_allclose(few.test_noise(), 1 / np.sqrt(30 * errors.mean(axis=0)))


def test_noise_does_not_depend_on_units_or_the_order_of_seeds():
    errors = noisy()
    expected = LearningCurve(SIZES, errors).noise()
    np.testing.assert_allclose(LearningCurve(SIZES / 7, 3 * errors[::-1]).noise(), expected)


def test_a_rise_is_found():
    errors = noisy()
    errors[:, 2] = 1.5 * errors[:, 1]
    assert LearningCurve(SIZES, errors).rises() == [(300, 1000)]


def test_rises_are_found_in_at_most_5_percent_of_flat_curves():
    flat = [LearningCurve(SIZES, noisy(slope=0, seed=seed)).rises() for seed in range(400)]
    assert np.mean([bool(rises) for rises in flat]) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


def test_the_local_exponent_of_a_power_law_is_its_exponent():
    interval = LearningCurve(SIZES, noisy(spread=0)).local_exponent()
    np.testing.assert_allclose([interval.mean, interval.low, interval.high], 0.5)


@pytest.mark.parametrize(
    ("sizes", "errors", "exponent"),
    [
        ([10, 100, 1000, 10_000], [0.8, 0.4, 0.2, 0.02], 1),
        ([10, 999, 3162, 10_001], [0.8, 0.4, 0.2, 0.04], 1),
        ([10, 100, 10_000], [0.8, 0.4, 0.004], 1),
        ([10, 100, 1000, 10_000], [0.8, 0.4, 0.04, 0.0001], 1),
    ],
    ids=["one decade", "rounded sizes", "sizes far apart", "no errors at the last"],
)
def test_the_local_exponent_is_that_of_the_last_decade_with_errors(sizes, errors, exponent):
    curve = LearningCurve(sizes, np.tile(errors, (3, 1)), n_test=1000)
    assert curve.local_exponent().mean == pytest.approx(exponent, abs=1e-3)


def test_a_single_size_has_no_local_exponent():
    assert np.isnan(LearningCurve([100], [[0.1], [0.2]]).local_exponent().mean)


def test_curves_come_from_a_frame_by_seed_and_size(frame_of):
    errors = noisy()
    frame = frame_of(SIZES, a=errors, b=noisy(seed=1)[:3]).sample(frac=1, random_state=0)
    curve = learning_curve(frame, "a")
    np.testing.assert_array_equal(curve.sizes, SIZES)
    np.testing.assert_allclose(curve.errors, errors)
    a, b = paired_curves(frame, "b", "a")
    np.testing.assert_allclose(b.errors, errors[:3])
    assert a.n_seeds == 3
    np.testing.assert_allclose(errors_at(frame, 300)["a"], errors[:, 1])


def test_other_metrics_are_taken_as_they_stand(frame_of):
    frame = frame_of(SIZES, a=noisy()).assign(metric="mse")
    np.testing.assert_allclose(learning_curve(frame, "a", "mse").errors, 1 - noisy())
    assert learning_curve(frame, "a", "mse").n_test is None


@pytest.mark.parametrize(("given", "attribute", "expected"), [(None, None, None), (None, 500, 500), (70, 500, 70)])
def test_the_number_of_test_points_is_given_or_that_of_the_frame(frame_of, given, attribute, expected):
    frame = frame_of(SIZES, a=noisy(), b=noisy())
    frame.attrs = {"n_test": attribute} if attribute else {}
    rows = losses(frame)[lambda table: table["seed"] < 4]
    assert learning_curve(rows, "a", n_test=given).n_test == expected
    assert [curve.n_test for curve in paired_curves(rows, "a", "b", n_test=given)] == [expected] * 2


def test_results_are_taken_like_their_frame(worth_results):
    curve = learning_curve(worth_results, "kNN")
    assert curve == learning_curve(worth_results.frame(), "kNN")
    assert curve.n_test == N_TEST


def test_a_curve_is_a_table_in_a_terminal_and_in_a_notebook():
    curve = LearningCurve(SIZES, noisy(spread=0)[:1])
    assert str(curve).splitlines() == [
        "n      error (1 seed)",
        "100    0.2",
        "300    0.115",
        "1,000  0.0632",
        "3,000  0.0365",
    ]
    assert "<td>3,000</td>" in curve._repr_html_()


def test_what_failed_leaves_out_its_seed_and_what_failed_mostly_its_size(frame_of):
    frame = frame_of(SIZES, a=noisy())
    lost = (frame["n_samples"] == 3000) & (frame["seed"] > 1) | (frame["n_samples"] == 100) & (frame["seed"] == 0)
    curve = learning_curve(frame[~lost], "a")
    np.testing.assert_array_equal(curve.sizes, SIZES[:3])
    np.testing.assert_allclose(curve.errors, noisy()[1:, :3])
    assert curve.left_out == (0,)


@pytest.mark.parametrize("own_test", [False, True])
@pytest.mark.parametrize(("n_rows", "metric"), [(None, "error"), (5000, "error"), (None, "mse"), (None, "error_train")])
def test_intervals_of_a_curve_are_those_of_tables(frame_of, own_test, n_rows, metric):
    """Those of few errors are at least the exact ones, and those of a share end at 1."""
    errors = np.array([[0.9, 0.1, 1e-5, 0.0], [0.2, 0.12, 2e-5, 0.0], [0.3, 0.1, 0.0, 0.0]])
    frame = losses(frame_of(SIZES, a=errors)).assign(metric=metric)
    frame.attrs = {"n_test": N_TEST, "own_test": own_test, "n_rows": n_rows}
    if metric == "mse":
        frame = frame[frame["n_samples"] < 3000]
    intervals, table = learning_curve(frame, "a", metric).intervals(), summary(frame)
    found = [(interval.mean, interval.low, interval.high) for interval in intervals]
    np.testing.assert_allclose(found, table[["mean", "low", "high"]])


def test_a_curve_of_numbers_has_exact_bounds_where_its_test_points_are_known():
    (interval,) = LearningCurve([100], np.zeros((3, 1)), n_test=1000).intervals()
    assert (interval.mean, interval.low, interval.high) == pytest.approx((0, 0, 1 - 0.025 ** (1 / 1000)))


def test_a_frame_without_an_answer_is_refused(frame_of):
    frame = frame_of(SIZES, a=noisy(), b=noisy()[:0])
    with pytest.raises(ValueError, match="unknown learner 'c' of the frame; known: 'a'"):
        learning_curve(frame, "c")
    with pytest.raises(ValueError, match="no 'mse' of 'a' is in the frame"):
        learning_curve(frame, "a", "mse")
    with pytest.raises(ValueError, match="choose one problem first"):
        learning_curve(pd.concat([frame, frame]), "a")
    other = frame.assign(learner="b", seed=frame["seed"] + 10)
    with pytest.raises(ValueError, match="no seed in common"):
        paired_curves(pd.concat([frame, other]), "a", "b")


@pytest.mark.parametrize(
    ("sizes", "errors", "match"),
    [
        ([100, 100], [[0.1, 0.1]], "'sizes'"),
        ([0, 100], [[0.1, 0.1]], "'sizes'"),
        ([100, 200], [[0.1]], r"\(n_seeds, 2\)"),
        ([100, 200], [[0.1, -0.1]], "0 or more"),
        ([100, 200], [[0.1, np.nan]], "finite"),
        ([100, 200], [[0.1, 0.0], [0.1, 0.1]], "'n_test'"),
        ([100, 5000], [[0.1, 0.1]], "'n_rows' parameter of LearningCurve must be above the largest size, 5000"),
    ],
)
def test_bad_curves_are_refused(sizes, errors, match):
    with pytest.raises(ValueError, match=match):
        LearningCurve(sizes, errors, n_rows=5000)


def test_samples_of_one_data_set_widen_all_that_is_over_seeds():
    fresh, drawn = LearningCurve(SIZES, noisy()), LearningCurve(SIZES, noisy(), n_rows=5000)
    factors = overlap_factor(SIZES, 5000, 5)
    logs = [curve.log_means() for curve in (fresh, drawn)]
    np.testing.assert_array_equal(logs[0][0], logs[1][0])
    np.testing.assert_allclose(logs[1] - logs[1][0], factors * (logs[0] - logs[0][0]))
    np.testing.assert_allclose(drawn.noise(), factors * fresh.noise())
    np.testing.assert_allclose(drawn.widened_errors().std(axis=0), factors * fresh.errors.std(axis=0))
    assert fresh.widened_errors() is fresh.errors
    assert fresh != drawn


def test_a_rise_within_the_overlap_is_none():
    errors = noisy()
    errors[:, 2] = 1.05 * errors[:, 1]
    assert LearningCurve(SIZES, errors).rises() == [(300, 1000)]
    assert LearningCurve(SIZES, errors, n_rows=3001).rises() == []


def test_the_local_exponent_of_samples_of_one_data_set_holds_the_truth_at_its_level():
    """Errors whose luck is that of the data set in a share f of its variance."""
    rng, f, found = np.random.default_rng(0), SIZES / 4000, []
    for _ in range(400):
        luck = np.sqrt(f) * rng.standard_normal(4) + np.sqrt(1 - f) * rng.standard_normal((10, 4))
        found.append(LearningCurve(SIZES, 2 * SIZES**-0.5 * np.exp(0.1 * luck), n_rows=4000).local_exponent())
    assert 0.92 < np.mean([i.low <= 0.5 <= i.high for i in found]) < 0.98


@pytest.mark.parametrize(
    "numbers", [{"n_rows": 3000, "n_test": 70}, {"n_rows": {"a": 3000}, "n_test": {"a": 70, "b": 9}}]
)
def test_the_sampling_of_a_problem_is_that_of_the_frame(frame_of, numbers):
    frame = pd.concat([frame_of(SIZES, kNN=noisy()).assign(problem=name) for name in ("a", "b")])
    frame.attrs = numbers
    parts = by_problem(losses(frame)[lambda table: table["seed"] < 4])
    assert sampling_of(parts["a"]) == Sampling(3000, 70, on_rows=True)
    if isinstance(numbers["n_rows"], dict):
        assert sampling_of(parts["b"]) == Sampling(None, 9)
        assert learning_curve(parts["b"], "kNN").n_rows is None
    curve = learning_curve(parts["a"], "kNN")
    assert (curve.n_rows, curve.n_test) == (3000, 70)
    np.testing.assert_array_equal(curve.sizes, SIZES[:-1])  # of all rows there is no interval


def test_the_loss_of_any_metric_with_a_best_value_is_the_distance_from_it(frame_of):
    frame = frame_of(SIZES, a=1 - noisy()).assign(metric="neg_log_loss", value=lambda table: -table["value"])
    np.testing.assert_allclose(learning_curve(frame, "a", "log_loss").errors, noisy())
    np.testing.assert_allclose(
        learning_curve(frame_of(SIZES, a=noisy()).assign(metric="roc_auc"), "a", "roc_auc_loss").errors, noisy()
    )
    once = losses(frame)
    pd.testing.assert_frame_equal(losses(once), once)
