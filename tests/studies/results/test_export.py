import json

import pandas as pd
import pytest

from studies.results import export
from studies.results.export import ExportError, table, write_table
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.store.provenance import collect
from studies.store.store import Outcome, Store

RUN = collect("tiny", 2)


@pytest.fixture
def results(tiny, tmp_path):
    """All cells but one, of which one failed; the first two have a known run."""
    with Store(f"sqlite:///{tmp_path}/results.db") as store:
        store.begin_run(RUN)
        for number, planned in enumerate(plan_study(tiny)[:-1]):
            cell = planned.cell
            if number == 1:
                store.add(Outcome(cell.key, cell.spec, "error", error="ValueError: no", seconds=0.5), RUN.id)
            else:
                values = {"accuracy": 0.1 * number, "fit_seconds": float(number)}
                store.add(
                    Outcome(cell.key, cell.spec, "ok", values, seconds=1.5, shared=3), RUN.id if number < 2 else None
                )
        yield Results(tiny, store)


def test_the_table_is_the_frame_and_the_failed_cells(results):
    whole, frame = table(results), results.frame()
    measured = whole[whole["status"] == "ok"].reset_index(drop=True)
    pd.testing.assert_frame_equal(measured[list(frame.columns)], frame, check_dtype=False)
    failed = whole[whole["status"] == "error"]
    assert failed["error"].tolist() == ["ValueError: no"]
    assert failed[["metric", "value"]].isna().all(axis=None)
    assert list(whole["key"].unique()) == [p.cell.key for p in plan_study(results.study)[:-1]]


def test_each_row_contains_its_run(results):
    whole = table(results)
    known = whole[whole["run"].notna()]
    assert set(known["run"]) == {RUN.id}
    assert set(known["host"]) == {RUN.host}
    assert json.loads(known["versions"].iloc[0]) == RUN.versions
    unknown = whole[whole["run"].isna()]
    assert unknown[["host", "cpu", "cores", "versions"]].isna().all(axis=None)
    assert whole["stored_at"].notna().all()
    assert set(whole.loc[whole["status"] == "ok", "shared"]) == {3}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_written_table_can_be_read(results, tmp_path, form):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    frame = table(results)
    path = tmp_path / "deep" / f"tiny.{form}"
    write_table(frame, path, form)
    back = pd.read_csv(path, parse_dates=["stored_at"]) if form == "csv" else pd.read_parquet(path)
    assert list(back.columns) == list(frame.columns)
    for column in ("learner", "n_samples", "metric", "value", "status", "error", "run", "cores"):
        values, written = (f[column].astype(object).where(f[column].notna(), None).tolist() for f in (back, frame))
        assert values == written


def test_parquet_without_pyarrow_is_an_error_with_the_install_command(results, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(ExportError, match=r"pip install 'toymanifold\[parquet\]'"):
        write_table(table(results), tmp_path / "x.parquet", "parquet")


def test_a_file_that_cannot_be_written_is_an_error(results, tmp_path):
    with pytest.raises(ExportError, match="cannot write"):
        write_table(table(results), tmp_path, "csv")


def test_without_results_the_table_is_empty(tiny):
    with Store("sqlite://") as store:
        assert table(Results(tiny, store)).empty
