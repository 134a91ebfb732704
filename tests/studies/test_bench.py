import numpy as np
import pytest
from rich.console import Console

from studies import bench
from studies.bench import OURS, OURS_2, SKORCH, Costs, costs_table


@pytest.fixture
def costs():
    seconds = {OURS: {100: 0.001, 3000: 0.04}, SKORCH: {100: 0.02, 3000: 0.4}, OURS_2: {100: 0.001, 3000: 0.02}}
    return Costs(seconds, gflops=50.0, sgemm_gflops=100.0)


def test_a_study_is_a_thousand_epochs_of_all_sizes(costs):
    assert costs.study_seconds(OURS) == pytest.approx(41)
    assert costs.study_seconds(SKORCH, largest=1000) == pytest.approx(20)


def test_table_has_each_way_beside_ours(costs):
    console = Console(width=150, record=True)
    console.print(costs_table(costs))
    lines = console.export_text().splitlines()
    assert lines[2].split() == ["skorch", "0.667", "13.3", "420", "10.2", "x", "20.0", "x"]


def test_what_is_done_once_does_not_count():
    clock = iter([0.0, 5.0, 5.0 + 5.0 + 0.19])  # a start of 5 s, and 0.01 s for each epoch but the first
    assert bench._epoch_seconds(lambda epochs: None, 1000, lambda: next(clock)) == pytest.approx(0.01)


@pytest.mark.parametrize("way", bench.FITS)
@pytest.mark.parametrize("variant", bench.VARIANTS)
def test_every_way_learns(way, variant):
    """On half a plane, which is easy, so few epochs show whether it is trained at all."""
    X = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64)
    fitted = bench.FITS[way](X, y, bench.VARIANTS[variant], 30, 0)
    assert np.mean(bench._predict(fitted, X) == y) > 0.9
