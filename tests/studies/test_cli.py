"""The command as a user types it, and as the system kills it."""

import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from studies import Results, Store, cli, plan_study, remaining, run

COMMAND = [sys.executable, "-m", "studies.cli"]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/results.db"


@pytest.fixture
def command(monkeypatch, tiny, url, tmp_path):
    """Run the command on the tiny study, in this process, on threads in place of processes."""
    monkeypatch.setattr("studies.spec.built_in", lambda: {"tiny": tiny})
    monkeypatch.setattr("studies.slots.Slots", ThreadPoolExecutor)
    monkeypatch.chdir(tmp_path)

    def invoke(*words):
        return CliRunner().invoke(cli.app, [*words, "--store", url], catch_exceptions=False)

    return invoke


def test_run_then_show(command, tmp_path):
    ran = command("run", "tiny")
    assert ran.exit_code == 0
    assert "tiny: 6 cells, 0 measured before" in ran.output
    shown = command("show", "tiny")
    assert "Does the phase help? Yes: " in shown.output
    assert shown.output.count("kNN + phase") == 1
    for name in ("learning-curves.png", "decision-regions.png"):
        assert (tmp_path / "toymanifold-results" / "tiny" / name).read_bytes().startswith(b"\x89PNG")


def test_a_second_run_has_nothing_to_do(command):
    command("run", "tiny")
    assert "6 cells, 6 measured before" in command("run", "tiny").output


def test_list_tells_what_is_measured(command):
    assert "0 of 6" in command("list").output
    command("run", "tiny", "--quick")
    assert "2 of 6" in command("list").output


def test_quick_and_seeds_shape_the_study(command):
    assert "tiny: 2 cells" in command("run", "tiny", "--quick").output
    assert "tiny: 9 cells, 2 measured before" in command("run", "tiny", "--seeds", "3").output


def test_show_of_a_part_says_so(command):
    command("run", "tiny", "--quick")
    shown = command("show", "tiny")
    assert "2 of 6 cells measured, 0 failed." in shown.output
    assert "Does the phase help? " in shown.output


def test_show_before_run_says_what_to_do(command):
    shown = command("show", "tiny")
    assert shown.exit_code == 2
    assert "nothing of tiny is measured yet; run it with: toymanifold run tiny" in shown.stderr


def test_an_unknown_study_is_refused_with_those_that_there_are(command):
    refused = command("run", "tyni")
    assert refused.exit_code == 2
    assert "no study is called 'tyni'; there are 'tiny'" in refused.stderr


def test_a_store_that_cannot_be_opened_is_one_clear_error(command, url):
    refused = CliRunner().invoke(cli.app, ["list", "--store", "sqlite:////proc/nowhere/x.db"])
    assert refused.exit_code == 2
    assert "error: cannot use the results database" in refused.stderr


def test_failed_cells_are_told_and_the_exit_code_says_so(command, tiny, url):
    broken = tiny.learners["kNN"].model_copy(update={"params": {"n_neighbors": -1}})
    tiny.learners["kNN"] = broken
    ran = command("run", "tiny")
    assert ran.exit_code == 1
    assert ran.output.count("error: kNN, n = ") == 4
    assert "must be an int in [1, inf). Got -1 instead." in ran.output
    assert "4 failed" in command("show", "tiny").output


KILLED = """
import sys
from studies import Slots, Store, Study, plan_study, remaining, run
if __name__ == "__main__":
    study = Study.model_validate_json(sys.argv[1])
    with Store(sys.argv[2]) as store, Slots(2) as slots:
        for planned, outcome in run(remaining(plan_study(study), store), store, slots):
            print(planned.cell.key, flush=True)
"""


def test_a_study_killed_at_any_moment_loses_nothing_and_repeats_nothing(tiny, url, tmp_path):
    study = tiny.model_copy(update={"seeds": 12})
    program = [sys.executable, "-c", KILLED, study.model_dump_json(), url]
    keys = {p.cell.key for p in plan_study(study)}
    reported: list[str] = []
    stored: dict[str, str] = {}
    moments = random.Random(0)
    while len(stored) < len(keys):
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as driver:
            for _ in range(moments.randrange(8, 20)):
                line = driver.stdout.readline()
                if not line:
                    break
                reported.append(line.strip())
            time.sleep(moments.random() / 10)
            driver.send_signal(signal.SIGKILL)
            reported += driver.stdout.read().split()
        with Store(url) as store:
            before, stored = stored, store.statuses(keys)
        assert set(reported) <= set(stored)
        assert len(stored) > len(before)
    assert len(reported) == len(set(reported))
    with Store(url) as store, Store(f"sqlite:///{tmp_path}/calm.db") as calm, ThreadPoolExecutor(2) as executor:
        list(run(remaining(plan_study(study), calm), calm, executor))
        assert measured(study, store).equals(measured(study, calm))


def measured(study, store):
    frame = Results(study, store).frame()
    return frame[~frame["metric"].str.endswith("seconds")].reset_index(drop=True)
