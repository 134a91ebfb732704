"""Cells that a store has lost or that are damaged in it are measured again or named."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from studies.execution.run import remaining, run
from studies.results.results import Results
from studies.spec.cells import plan_study
from studies.store import maintenance, seals
from studies.store.store import DamageWarning, LostError, Outcome, Store

OK = Outcome("k1", '{"n": 1}', "ok", {"accuracy": 0.75})


def measure(task):
    return [Outcome(cell.key, cell.spec, "ok", {"accuracy": 0.5}, seconds=0.01) for cell in task]


def run_all(study, store, work=measure):
    with ThreadPoolExecutor(1) as executor:
        yield from run(remaining(plan_study(study), store), store, executor, work=work)


def test_one_reading_is_one_snapshot(url, monkeypatch):
    """The cell is written between the two queries that read it."""
    rows_of = seals.rows_of
    with Store(url) as reader, Store(url) as writer:

        def write_first(*words):
            monkeypatch.setattr(seals, "rows_of", rows_of)
            writer.add(OK)
            return rows_of(*words)

        monkeypatch.setattr(seals, "rows_of", write_first)
        assert reader.outcomes(["k1"]) == {}
        assert reader.outcomes(["k1"]) == {"k1": OK}


def test_results_are_read_once(tiny, url):
    with Store(url) as store:
        results = Results(tiny, store)
        next(run_all(tiny, store))
        assert len(results.outcomes()) == 1
        list(run_all(tiny, store))
        assert len(results.outcomes()) == len(results.frame()) == 1
        assert len(Results(tiny, store).outcomes()) == len(plan_study(tiny))


def test_cells_that_a_store_loses_during_a_run_are_measured_again(tiny, url):
    with Store(url) as store, Store(url) as other:
        n_reported = 0
        for planned, _ in run_all(tiny, store):
            n_reported += 1
            maintenance.remove(other, [planned.cell.key])
        assert n_reported == len(plan_study(tiny))
        assert store.missing([p.cell.key for p in plan_study(tiny)]) == []


def test_cells_that_a_store_loses_again_are_an_error(tiny, url, monkeypatch):
    with Store(url) as store:
        monkeypatch.setattr(store, "add", lambda *_: None)
        with pytest.raises(LostError, match=r"6 cells were stored and are not in .* any more, among them"):
            list(run_all(tiny, store))


@pytest.mark.parametrize("happen", [os.remove, lambda path: os.rename(path, f"{path}.moved"), "replace"])
def test_a_file_that_is_deleted_moved_or_replaced_is_an_error(tiny, tmp_path, happen):
    path = tmp_path / "results.db"

    def remove_then_measure(task):
        if path.exists():
            os.remove(path) if happen == "replace" else happen(path)
            if happen == "replace":
                path.touch()
        return measure(task)

    with Store(path) as store, pytest.raises(LostError, match="the file was deleted, moved or replaced while"):
        list(run_all(tiny, store, work=remove_then_measure))
    with Store(tmp_path / "long.db") as store:
        store.add(replace(OK, seconds=5.0))
        (tmp_path / "long.db").unlink()
        with pytest.raises(LostError):  # at the next cell that is synced
            store.add(replace(OK, key="k2", seconds=5.0))


@pytest.mark.parametrize("happen", [os.remove, lambda journal: os.truncate(journal, 0)], ids=["deleted", "cut"])
def test_a_journal_that_is_deleted_or_cut_is_an_error(tiny, tmp_path, happen):
    journal = tmp_path / "results.db-wal"

    def damage_then_measure(task):
        if not damaged:
            damaged.append(happen(journal))
        return measure(task)

    damaged = []
    with Store(tmp_path / "results.db") as store:
        store.add(OK)
        with pytest.raises(LostError, match=r"its journal \(FILE-wal\) was deleted, moved, replaced or cut while"):
            list(run_all(tiny, store, work=damage_then_measure))


def test_compaction_by_another_process_is_no_loss(tmp_path):
    """It empties the journal."""
    with Store(tmp_path / "results.db") as store, Store(tmp_path / "results.db") as other:
        for number in range(3):
            store.add(replace(OK, key=f"k{number}", seconds=5.0))
            maintenance.clean(other)
            assert (tmp_path / "results.db-wal").stat().st_size == 0
            assert store.missing([f"k{number}"]) == []


def test_damaged_cells_are_measured_again(tiny, url):
    with Store(url) as store:
        list(run_all(tiny, store))
        key = plan_study(tiny)[0].cell.key
        with store.database.writing() as connection:
            connection.exec_driver_sql("UPDATE cell_values SET value = 0.6")
    with Store(url) as store:
        with pytest.warns(DamageWarning):
            todo = remaining(plan_study(tiny), store)
        assert len(todo) == len(plan_study(tiny))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DamageWarning)
            list(run_all(tiny, store))
        assert store.outcomes([key])[key].values == {"accuracy": 0.5}
        assert store.damaged == {}
