"""The commands that look after results, as a user types them."""

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
    """A store that the tiny study ran into, but for one cell that failed; and the failed cell's key."""
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


def test_ls_tells_learners_runs_and_failures(command, stored):
    told = command("store", "ls").output
    assert re.search(r"results.db: 6 cells, 0.\d MB", told)
    assert re.search(r"spiral +knn-1 +3 +1 error", told)
    assert re.search(r"spiral +knn-1 +phase +2", told)
    assert re.search(r"tiny +2 +20", told)
    assert f"{stored[1][:12]} error: ValueError: no" in told


def test_show_tells_all_of_a_cell(command, stored, tiny):
    told = command("store", "show", stored[1][:8]).output
    for part in ('estimator: "knn-1"', "status: error", "ValueError: no", "Tra[c]eback", "by run ", "torch "):
        assert part in told
    ok = command("store", "show", plan_study(tiny)[0].cell.key).output
    assert re.search(r"accuracy = 0\.\d+", ok)
    assert "by a run that is not known" in ok


def test_show_of_no_cell_or_of_several_is_told(command):
    assert command("store", "show", "zzz").stderr == "error: no cell begins with 'zzz'\n"
    assert command("store", "show", "").stderr.startswith("error: 6 cells begin with '': ")


def test_rm_asks_first(command):
    refused = command("store", "rm", "--status", "failed", input="n\n")
    assert refused.exit_code == 1
    assert "Remove 1 cells from" in refused.output
    assert "6 cells" in command("store", "ls").output
    assert "Removed 1 cells." in command("store", "rm", "--status", "failed", input="y\n").output
    assert "5 cells" in command("store", "ls").output


def test_rm_of_a_key_of_a_study_and_of_nothing(command, stored):
    assert command("store", "rm").stderr == "error: name what is to be removed: a KEY, --status or --study\n"
    assert "Removed 0 cells." in command("store", "rm", "zzz").output
    assert "Removed 1 cells." in command("store", "rm", stored[1][:10], "--yes").output
    assert "Removed 5 cells." in command("store", "rm", "--study", "tiny", "--yes").output
    assert "unknown study 'tyni'" in command("store", "rm", "--study", "tyni", "--yes").stderr


def test_gc_keeps_all_cells(command):
    assert re.search(r"Freed \d.\d MB; \d.\d MB are left.", command("store", "gc").output)
    assert "6 cells" in command("store", "ls").output


def test_merge_brings_results_home_and_tells_what_differs(command, tmp_path, tiny):
    assert (
        "6 cells added, 0 failed ones replaced, 0 there"
        in command("store", "merge", "results.db", "sqlite:///home.db", store=None).output
    )
    cell = plan_study(tiny)[0].cell
    with Store("sqlite:///away.db") as store:
        store.add(Outcome(cell.key, cell.spec, "ok", {"accuracy": 0.123}))
    merged = command("store", "merge", "away.db", "home.db", store=None)
    assert merged.exit_code == 1
    assert f"{cell.key[:12]} was measured otherwise in away.db; kept as it was" in merged.output
    missing = command("store", "merge", "nowhere.db", "home.db", store=None)
    assert missing.stderr == "error: cannot use the results database nowhere.db: there is no such file.\n"
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize("words", [["ls"], ["gc"], ["rm", "--status", "failed"], ["show", "k"]])
def test_no_store_is_made_where_none_is(command, tmp_path, words):
    refused = command("store", *words, store=f"sqlite:///{tmp_path}/new.db")
    assert refused.exit_code == 2
    assert "there is no such file" in refused.stderr
    assert not (tmp_path / "new.db").exists()


def test_export_writes_a_table(command, tmp_path):
    assert "tiny.csv: 26 rows" in command("export", "tiny").output
    frame = pd.read_csv(tmp_path / "toymanifold-results" / "tiny.csv")
    assert frame["status"].value_counts().to_dict() == {"ok": 25, "error": 1}
    command("export", "tiny", "--quick", "--output", "quick.csv")
    assert len(pd.read_csv("quick.csv")) < 26


def test_export_of_nothing_says_what_to_do(command):
    with Store("sqlite:///empty.db"):
        pass
    refused = command("export", "tiny", store="sqlite:///empty.db")
    assert refused.stderr == "error: nothing of tiny is measured yet; run it with: toymanifold run tiny\n"


def test_verify_tells_what_it_compared_and_its_exit_code_whether_it_agrees(command, stored, tiny):
    agreed = command("verify", "tiny", "--cells", "2", "--seed", "1")
    assert agreed.exit_code == 0
    assert "2 cells computed again (--seed 1), 0 differ." in agreed.output
    assert agreed.output.count("accuracy_uniform") == 2
    assert "the last bits may differ: it is not known where it was computed" in agreed.output
    with Store("sqlite:///wrong.db") as store:
        for planned in plan_study(tiny):
            store.add(Outcome(planned.cell.key, planned.cell.spec, "ok", {"accuracy": 0.1}))
    differed = command("verify", "tiny", "--cells", "1", store="sqlite:///wrong.db")
    assert differed.exit_code == 1
    assert "1 differ." in differed.output
    assert "differs" in differed.output
