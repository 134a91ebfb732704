"""The commands that list, maintain, export and verify results."""

import re
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from typer.testing import CliRunner

from studies.cli.main import app
from studies.execution.run import remaining, run
from studies.spec.cells import plan_study
from studies.store.provenance import collect
from studies.store.store import Outcome, Store


@pytest.fixture
def stored(tiny, tmp_path):
    """The store of a run of the tiny study with one failed cell, and the key of this cell."""
    url = f"sqlite:///{tmp_path}/results.db"
    planned = plan_study(tiny)
    failed = planned[1].cell
    with Store(url) as store, ThreadPoolExecutor(1) as executor:
        record = collect("tiny", 2)
        store.begin_run(record)
        store.add(Outcome(failed.key, failed.spec, "error", error="ValueError: no", traceback="Tra[c]eback"), record.id)
        list(run(remaining(planned, store), store, executor))
        store.end_run(record.id)
    return url, failed.key


@pytest.fixture
def command(monkeypatch, tiny, tmp_path, stored):
    monkeypatch.setattr("studies.spec.study.built_in", lambda: {"tiny": tiny})
    monkeypatch.setattr("studies.execution.executors.WorkerPool", ThreadPoolExecutor)
    monkeypatch.chdir(tmp_path)

    def invoke(*words, store=stored[0], **options):
        where = ["--store", store] if store else []
        return CliRunner().invoke(app, [*words, *where], catch_exceptions=False, **options)

    return invoke


def test_ls_prints_learners_runs_and_failures(command, stored):
    output = command("store", "ls").output
    assert re.search(r"results.db: 6 cells, 0.\d MB", output)
    assert re.search(r"spiral +knn-1 +3 +1 error", output)
    assert re.search(r"spiral +knn-1 +phase +2", output)
    assert re.search(r"tiny +2 +20", output)
    assert f"{stored[1][:12]} error: ValueError: no" in output


def test_show_prints_specification_outcome_and_run_of_a_cell(command, stored, tiny):
    output = command("store", "show", stored[1][:8]).output
    for part in ('estimator: "knn-1"', "status: error", "ValueError: no", "Tra[c]eback", "by run ", "torch "):
        assert part in output
    ok = command("store", "show", plan_study(tiny)[0].cell.key).output
    assert re.search(r"accuracy = 0\.\d+", ok)
    assert "by an unknown run" in ok


def test_show_needs_the_start_of_exactly_one_key(command):
    assert command("store", "show", "zzz").stderr == "error: no key begins with 'zzz'\n"
    assert command("store", "show", "").stderr.startswith("error: 6 keys begin with '': ")


def test_rm_asks_first(command):
    ended = command("store", "rm", "--status", "failed", input="n\n")
    assert ended.exit_code == 1
    assert "Remove 1 cells from" in ended.output
    assert "6 cells" in command("store", "ls").output
    assert "Removed 1 cells." in command("store", "rm", "--status", "failed", input="y\n").output
    assert "5 cells" in command("store", "ls").output


def test_rm_of_a_key_of_a_study_and_of_nothing(command, stored):
    assert command("store", "rm").stderr == "error: name the cells to remove: a KEY, --status or --study\n"
    assert "Removed 0 cells." in command("store", "rm", "zzz").output
    assert "Removed 1 cells." in command("store", "rm", stored[1][:10], "--yes").output
    assert "Removed 5 cells." in command("store", "rm", "--study", "tiny", "--yes").output
    assert "unknown study 'tyni'" in command("store", "rm", "--study", "tyni", "--yes").stderr


def test_gc_keeps_all_cells(command):
    assert re.search(r"Freed \d.\d MB; \d.\d MB are left.", command("store", "gc").output)
    assert "6 cells" in command("store", "ls").output


def test_damaged_cells_are_named_by_every_command_and_measured_again(command, stored, tiny):
    assert "6 cells, 0 damages" in command("store", "check").output
    key = plan_study(tiny)[0].cell.key
    with Store(stored[0]) as store, store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE cell_values SET value = 0.5 WHERE key = ?", (key,))
    warning = (
        f"warning: {store.database.name} has damaged cells, which are left out and count as not measured: {key[:12]};"
    )
    for words in (["store", "ls"], ["show", "tiny"], ["export", "tiny"], ["verify", "tiny", "--list"]):
        assert warning in command(*words).stderr
    checked = command("store", "check")
    assert checked.exit_code == 1
    assert f"{key}: it does not have its digest\n" in checked.stdout
    assert "4 measured before" in command("run", "tiny", "--dry-run").output


def test_merge_copies_cells_and_reports_differences(command, tmp_path, tiny):
    assert (
        "6 cells added, 0 failed ones replaced, 0 stored before"
        in command("store", "merge", "results.db", "sqlite:///home.db", store=None).output
    )
    cell = plan_study(tiny)[0].cell
    with Store("sqlite:///away.db") as store:
        store.add(Outcome(cell.key, cell.spec, "ok", {"accuracy": 0.123}))
    merged = command("store", "merge", "away.db", "home.db", store=None)
    assert merged.exit_code == 1
    assert f"{cell.key[:12]} has other values in away.db; not changed" in merged.output
    missing = command("store", "merge", "nowhere.db", "home.db", store=None)
    assert (
        missing.stderr
        == "error: cannot use the results database nowhere.db: the file does not exist; toymanifold run creates it.\n"
    )
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize("words", [["ls"], ["gc"], ["rm", "--status", "failed"], ["show", "k"]])
def test_maintenance_does_not_create_a_store(command, tmp_path, words):
    ended = command("store", *words, store=f"sqlite:///{tmp_path}/new.db")
    assert ended.exit_code == 2
    assert "the file does not exist" in ended.stderr
    assert not (tmp_path / "new.db").exists()


def test_export_writes_a_table(command, tmp_path):
    assert "tiny.csv: 21 rows" in command("export", "tiny").output
    frame = pd.read_csv(tmp_path / "toymanifold-results" / "tiny.csv")
    assert frame["status"].value_counts().to_dict() == {"ok": 20, "error": 1}
    command("export", "tiny", "--quick", "--output", "quick.csv")
    assert len(pd.read_csv("quick.csv")) < 26


def test_export_without_results_prints_the_command_to_run(command):
    with Store("sqlite:///empty.db"):
        pass
    ended = command("export", "tiny", store="sqlite:///empty.db")
    assert (
        ended.stderr
        == "error: nothing of tiny is measured yet; run it with: toymanifold run tiny --store sqlite:///empty.db\n"
    )


def test_verify_prints_its_comparisons_and_exits_with_1_if_cells_differ(command, stored, tiny):
    agreed = command("verify", "tiny", "--cells", "2", "--seed", "1")
    assert agreed.exit_code == 0
    assert "2 cells computed again (--seed 1), 0 differ." in agreed.output
    assert agreed.output.count("accuracy_uniform") == 2
    assert "since bits may differ: its run is unknown" in agreed.output
    with Store("sqlite:///wrong.db") as store:
        for planned in plan_study(tiny):
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 0.1}))
    differed = command("verify", "tiny", "--cells", "1", store="sqlite:///wrong.db")
    assert differed.exit_code == 1
    assert "1 differ." in differed.output
    assert "differs" in differed.output
