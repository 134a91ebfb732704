"""The nets of a whole study, trained together, beside skorch, scikit-learn and bare torch: their costs and errors."""

import pytest
from rich.console import Console

from benchmarks.anchors import EPOCHS, OURS, OURS_2, SKORCH, SKORCH_2, costs_table, measure_costs, measure_errors

WIDE = Console(width=200)


def test_costs(benchmark, measured):
    costs = benchmark.pedantic(measure_costs, rounds=1)
    WIDE.print(costs_table(costs))
    study = costs.study_seconds
    measured["a study's nets, skorch", "fit_many"] = study(SKORCH) / study(OURS)
    measured["those of n <= 1,000, skorch", "fit_many"] = study(SKORCH, 1000) / study(OURS, 1000)
    measured["a study's nets, bare torch", "fit_many"] = study("bare torch") / study(OURS)
    measured["a study's nets, skorch", "fit_many on 2 cores"] = study(SKORCH) / study(OURS_2)
    measured["a study's nets, skorch on 2 cores", "fit_many on 2 cores"] = study(SKORCH_2) / study(OURS_2)
    measured["fit_many, multiplications and additions", "sgemm"] = costs.gflops / costs.sgemm_gflops


def test_errors(benchmark):
    """Paired by seed, the errors of all ways agree within what chance explains."""
    errors = benchmark.pedantic(measure_errors, args=(300, 5), rounds=1)
    table = errors.pivot_table(index=["variant", "seed"], columns="way", values="error")
    difference = table.sub(table[OURS], axis=0).groupby("variant").agg(["mean", "sem"]) * 100
    WIDE.print(f"error at n = 300 after {EPOCHS:,} epochs less that of {OURS}, in points: mean and standard error")
    WIDE.print(difference.round(2).to_string())
    assert table.notna().all(axis=None)


pytestmark = pytest.mark.benchmark(group="a study's nets")
