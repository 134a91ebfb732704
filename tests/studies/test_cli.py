"""The command as a user types it, and as the system kills it."""

import random
import re
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
    refused = command("run", "tinny")
    assert refused.exit_code == 2
    assert "no study is called 'tinny'; did you mean 'tiny'? There are 'tiny'" in refused.stderr


def test_the_example_runs_end_to_end_and_is_not_overwritten(command, tmp_path):
    new = [cli.app, ["new", "mine.toml"]]
    assert "run it with: toymanifold run mine.toml" in CliRunner().invoke(*new).output
    again = CliRunner().invoke(*new)
    assert again.exit_code == 2
    assert "error: cannot write mine.toml: File exists" in again.stderr
    ran = command("run", "mine.toml", "--seeds", "2")
    assert (ran.exit_code, "Done. See it with: toymanifold show mine.toml" in ran.output) == (0, True)
    shown = command("show", "mine.toml", "--seeds", "2")
    for problem in ("spiral, flip_probability=0.0", "spiral, flip_probability=0.1"):
        assert f"{problem}: At n = 500, does the polar prior help the nearest neighbour? " in shown.output
        name = problem.replace(", ", "-")
        for picture in ("learning-curves", "decision-regions"):
            assert (tmp_path / "toymanifold-results" / "example" / f"{picture}-{name}.png").exists()


def test_a_wrong_file_is_refused_before_anything_runs(command, tmp_path):
    (tmp_path / "mine.toml").write_text('name = "mine"\n[learners."a [b]"]\nestimator = "os:system"\n')
    refused = command("run", "mine.toml")
    assert refused.exit_code == 2
    assert "mine.toml:3: learners.\"a [b]\".estimator: 'os:system' is in the package 'os'" in refused.stderr
    assert "mine.toml: seeds: is missing" in refused.stderr
    assert not (tmp_path / "results.db").exists()


def test_a_package_is_allowed_by_name(command, tmp_path, monkeypatch):
    (tmp_path / "their_learners.py").write_text("from sklearn.svm import SVC\n\nclass Theirs(SVC):\n    pass\n")
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nquestion = "?"\nseeds = 1\nsizes = [20]\n[learners.a]\nestimator = "their_learners:Theirs"\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert "--allow their_learners" in command("run", "mine.toml").stderr
    assert command("run", "mine.toml", "--allow", "their_learners").exit_code == 0
    assert command("show", "mine.toml", "--allow", "their_learners").exit_code == 0


def test_a_regression_is_shown(command, tmp_path):
    (tmp_path / "mine.toml").write_text(
        """
        name = "mine"
        question = "What does $1 of data buy?"
        seeds = 2
        sizes = [20, 40]
        gallery = [20]
        problems.sphere = { problem = "sphere", params = { dimension = 2, target = "linear", task = "regression" } }
        learners.kNN = { estimator = "knn-1", params = { n_neighbors = [1, 5] } }
        [[questions]]
        ask = "Does more data help?"
        a = { learner = "kNN, n_neighbors=1", n_samples = 40 }
        b = { learner = "kNN, n_neighbors=1", n_samples = 20 }
        """
    )
    assert command("run", "mine.toml").exit_code == 0
    shown = command("show", "mine.toml")
    assert "MSE" in shown.output
    assert re.search(r"Does more data help\? .*: [.0-9]+ against [.0-9]+, ", shown.output)
    assert [path.name for path in (tmp_path / "toymanifold-results" / "mine").iterdir()] == ["learning-curves.png"]


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
