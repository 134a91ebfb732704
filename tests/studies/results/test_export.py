import json

import pandas as pd
import pytest

from studies.results import export
from studies.results.export import ExportError, table, write_table
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.spec.study import Study
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
                    Outcome(cell.key, cell.spec, "ok", values, seconds=1.5, shared=3, engine="compiled"),
                    RUN.id if number < 2 else None,
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
    assert set(whole.loc[whole["status"] == "ok", "engine"]) == {"compiled"}


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
    with pytest.raises(ExportError, match=r"cannot write .*: [A-Z]"):
        write_table(table(results), tmp_path, "csv")


def test_without_results_the_table_is_empty(tiny):
    with Store("sqlite://") as store:
        assert table(Results(tiny, store)).empty


@pytest.fixture
def mixed():
    """Learners with parameters of many types, each of which other learners do not have."""
    learners = {
        "forest": {"max_features": ["sqrt", 1, 0.5], "max_depth": [1, 16]},
        "svm": {"C": [1, 1.0], "shrinking": [True, False], "gamma": [0.5, 2.0]},
        "sklearn.neural_network:MLPClassifier": {"hidden_layer_sizes": [[4], [4, 4]]},
    }
    description = {"name": "mixed", "question": "?", "seeds": 1, "sizes": [20]}
    study = Study.model_validate(
        description | {"learners": {name: {"estimator": name, "params": params} for name, params in learners.items()}}
    )
    with Store("sqlite://") as store:
        for p in plan_study(study):
            store.add(Outcome(p.cell.key, p.cell.spec, "ok", {"accuracy": 0.5}))
        yield table(Results(study, store))


COLUMNS = {
    "max_features": {"sqrt", "1", "0.5"},
    "max_depth": {1, 16},
    "C": {"1", "1.0"},
    "shrinking": {True, False},
    "gamma": {0.5, 2.0},
    "hidden_layer_sizes": {"[4]", "[4, 4]"},
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_parquet_file_has_the_values_of_an_axis(mixed, tmp_path, column):
    pytest.importorskip("pyarrow")
    write_table(mixed, tmp_path / "mixed.parquet", "parquet")
    read = pd.read_parquet(tmp_path / "mixed.parquet")[column]
    assert set(read.dropna()) == COLUMNS[column]
    assert {type(value) for value in read.dropna().tolist()} == {type(value) for value in COLUMNS[column]}
    assert read.isna().any()


@pytest.mark.parametrize("column", COLUMNS)
def test_a_csv_file_has_the_values_of_an_axis_as_they_are_written(mixed, tmp_path, column):
    write_table(mixed, tmp_path / "mixed.csv", "csv")
    read = pd.read_csv(tmp_path / "mixed.csv", dtype=str)[column]
    assert set(read.dropna()) == set(map(str, COLUMNS[column]))
    assert read.isna().any()


def test_numbers_of_a_run_are_whole_beside_cells_without_a_run(results, tmp_path):
    write_table(table(results), tmp_path / "tiny.csv", "csv")
    read = pd.read_csv(tmp_path / "tiny.csv", dtype=str)
    assert set(read["cores"].dropna()) == {str(RUN.cores)}
    assert read["cores"].isna().any()
