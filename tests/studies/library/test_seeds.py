import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from studies.inference import Interval
from studies.library.seeds import beyond_doubt, by_seed, draw, log_ratio, slope

TABLE = pd.DataFrame({10: [1.0, 2.0, 4.0], 100: [0.1, 0.2, 0.4], 1000: [0.01, 0.02, 0.04]}, index=[0, 1, 2])


def test_a_frame_becomes_a_table_of_the_seeds_that_have_all():
    rows = [(s, n, m, s + n) for s in range(3) for n in (20, 10) for m in ("mse", "r2") if (s, n) != (2, 10)]
    frame = pd.DataFrame(rows, columns=["seed", "n_samples", "metric", "value"]).assign(width=4)
    table = by_seed(frame, "mse", width=4)
    assert table.columns.tolist() == [10, 20]
    assert table.to_numpy().tolist() == [[10, 20], [11, 21]]
    assert by_seed(frame, "mse", width=8).empty


def test_the_slope_of_a_power_law_is_its_exponent():
    found = slope(TABLE)
    assert (found.mean, found.low, found.high) == pytest.approx((-1, -1, -1))


def test_a_slope_is_the_mean_of_the_seeds_own():
    x = np.array([1.0, 10.0, 100.0])
    table = pd.DataFrame([x**-1.0, x**-2.0, x**-3.0], columns=x)
    found = slope(table)
    assert found.mean == pytest.approx(-2)
    assert found.high - found.mean == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)  # Student's t with 2 degrees


def test_a_log_ratio_is_paired_by_seed():
    found = log_ratio(TABLE[10], TABLE[100][:2])
    assert found.mean == pytest.approx(np.log(10))
    assert found.high == pytest.approx(found.low)


@pytest.mark.parametrize(("low", "high", "verdict"), [(0.1, 1, True), (-1, 1, None), (-1, -0.1, False)])
def test_only_an_interval_clear_of_zero_decides(low, high, verdict):
    assert beyond_doubt(Interval((low + high) / 2, low, high)) is verdict


def test_the_median_of_the_seeds_is_drawn():
    ax = Figure().subplots()
    draw(ax, TABLE, color="red")
    assert ax.lines[0].get_xydata().tolist() == [[10, 2.0], [100, 0.2], [1000, 0.02]]
    assert ax.lines[0].get_color() == "red"
