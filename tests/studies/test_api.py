import pytest

from studies import run_study
from studies.spec.cells import plan_study


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("n_jobs", 0, ValueError),
        ("n_jobs", 1.5, TypeError),
        ("n_jobs", True, TypeError),
        ("time_limit", 0, ValueError),
        ("time_limit", float("nan"), ValueError),
        ("time_limit", float("inf"), ValueError),
        ("time_limit", "1", TypeError),
        ("memory_limit", -1, ValueError),
        ("memory_limit", 1e9, TypeError),
    ],
)
def test_bad_limits_are_refused_before_anything_is_written(tiny, tmp_path, name, value, error):
    with pytest.raises(error, match=f"The '{name}' parameter of run_study must be"):
        run_study(tiny, tmp_path / "results.db", **{name: value})
    assert not list(tmp_path.iterdir())


def test_a_study_is_run_and_what_is_stored_is_not_run_again(tiny, tmp_path):
    results = run_study(tiny, tmp_path / "results.db", n_jobs=2, time_limit=1e12)
    assert {outcome.status for _, outcome in results.outcomes()} == {"ok"}
    again = run_study(tiny, tmp_path / "results.db", n_jobs=2)
    assert len(results.outcomes()) == len(plan_study(tiny)) == len(again.outcomes())
    assert again.frame().equals(results.frame())
