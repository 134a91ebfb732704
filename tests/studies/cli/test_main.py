"""The command line, from typed words to output, exit codes and interrupts."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from typer.testing import CliRunner

from studies.cli import main as cli
from studies.execution.budget import Budget
from studies.spec.cells import plan_study
from studies.spec.study import Study, built_in
from studies.store.provenance import collect
from studies.store.store import Outcome, Store


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/results.db"


@contextlib.contextmanager
def threads(*_):
    with ThreadPoolExecutor(2) as executor:
        executor.n_workers = 2
        yield executor


@pytest.fixture
def command(monkeypatch, tiny, url, tmp_path):
    """Run the command on the tiny study, in this process, on threads in place of processes."""
    monkeypatch.setattr("studies.spec.study.built_in", lambda: {"tiny": tiny.model_copy()})
    monkeypatch.setattr("studies.execution.executors.open_executor", threads)
    monkeypatch.chdir(tmp_path)

    def invoke(*words):
        return CliRunner().invoke(cli.app, [*words, "--store", url], catch_exceptions=False)

    return invoke


def test_run_then_show(command, tmp_path):
    ran = command("run", "tiny")
    assert ran.exit_code == 0
    assert "tiny: 10 cells, 0 measured before" in ran.output
    shown = command("show", "tiny")
    assert "Does the phase help? Yes: " in shown.output
    assert len(re.findall(r"^kNN \+ phase  ", shown.output, re.MULTILINE)) == 1
    assert "Smallest error with 20 training points: " in shown.output
    assert not (tmp_path / "toymanifold-results").exists()
    assert "2 sizes, 5 needed" in " ".join(command("show", "tiny", "--all").output.split())
    assert command("show", "tiny", "--csv").output.startswith("learner,n_samples,metric,mean,low,high,seeds,problem\n")
    command("show", "tiny", "--pictures")
    for name in ("learning-curves.png", "decision-regions.png"):
        assert (tmp_path / "toymanifold-results" / "tiny" / name).read_bytes().startswith(b"\x89PNG")


def test_a_budget_leaves_cells_out_and_says_how_to_go_on(command, monkeypatch):
    dry = command("run", "tiny", "--budget", "1.5h", "--dry-run")
    assert re.search(r"learner +to run +left out\s+kNN +4 +0\s+kNN \+ phase +2 +0", dry.output)
    passed = iter([0.0, 0.0])  # for the beginning and the first cell
    monkeypatch.setattr(Budget.__init__, "__defaults__", (lambda: next(passed, 10.0),))
    ran = command("run", "tiny", "--budget", "5s")
    assert ran.exit_code == 0
    assert re.search(r"learner +measured +left out\s+kNN +1 +3\s+kNN \+ phase +0 +2", ran.output)
    assert re.search("Go on with: toymanifold run tiny .*--budget 5s\n", ran.output)


@pytest.mark.parametrize("text", ["10", "0s", "-1m", "1d", "1e3s", "m", ""])
def test_a_budget_has_a_unit(command, text):
    refused = command("run", "tiny", f"--budget={text}")
    assert refused.exit_code == 2
    assert "must be a positive number with s, m or h" in " ".join(refused.output.replace("│", " ").split())


def test_models_of_cells_measured_before_are_not_kept(monkeypatch, tmp_path):
    monkeypatch.setattr("studies.execution.executors.open_executor", threads)
    monkeypatch.chdir(tmp_path)
    learners = "[learners.net]\nestimator = 'net'\nparams = { epochs = 1 }\n[learners.kNN]\nestimator = 'knn-1'\n"
    study = "name = 'nets'\nquestion = '?'\nsizes = [20]\nseeds = N\nmetrics = ['accuracy_train']\n" + learners
    (tmp_path / "nets.toml").write_text(study.replace("N", "2"))
    run = partial(CliRunner().invoke, cli.app, catch_exceptions=False)
    assert "--keep-models keeps" not in run(["run", "nets.toml"]).output
    (tmp_path / "nets.toml").write_text(study.replace("N", "3"))
    again = run(["run", "nets.toml", "--keep-models"]).output
    assert "--keep-models keeps nothing of 2 nets measured before; with another --store they are fitted again" in again
    with Store(tmp_path / "toymanifold-results" / "results.db") as store:
        planned = plan_study(Study.from_toml(tmp_path / "nets.toml"))
        kept = [p.cell.seed for p in planned if store.model(p.cell.key) is not None]
    assert kept == [2]


def test_a_second_run_has_nothing_to_do(command):
    command("run", "tiny")
    assert "10 cells, 10 measured before" in command("run", "tiny").output


def test_list_prints_names_and_questions():
    listed = CliRunner().invoke(cli.app, ["list"]).output
    assert "double-descent" in listed
    assert built_in()["ablation"].question in listed


def test_list_prints_what_the_default_store_has(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, n_cells in (("ablation", 3), ("depth, dimension", 2)):
        planned = plan_study(built_in()["ablation" if name == "ablation" else "depth"])[:n_cells]
        (tmp_path / "toymanifold-results").mkdir(exist_ok=True)
        with Store(tmp_path / "toymanifold-results" / "results.db") as store:
            run = store.begin_run(collect(name, 3))
            for p in planned:
                store.add(Outcome(p.cell.key, p.cell.spec, "ok"), run)
    listed = {line.split()[0]: line for line in CliRunner().invoke(cli.app, ["list"]).output.splitlines()}
    assert re.search(r"\[3 cells measured, last on \d{4}-\d\d-\d\d\]", listed["ablation"])
    assert "[2 cells measured together with others, last on " in listed["dimension"]
    assert "measured" not in listed["grokking"]


def test_list_needs_no_readable_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toymanifold-results").mkdir()
    (tmp_path / "toymanifold-results" / "results.db").write_text("no database")
    assert "double-descent" in CliRunner().invoke(cli.app, ["list"]).output


def test_quick_and_seeds_shape_the_study(command):
    assert "tiny: 3 cells" in command("run", "tiny", "--quick").output
    assert "tiny: 15 cells, 3 measured before" in command("run", "tiny", "--seeds", "3").output


def test_show_reports_missing_cells(command):
    command("run", "tiny", "--quick")
    shown = command("show", "tiny")
    assert "3 of 10 cells measured, 0 failed." in shown.output
    assert "Does the phase help? " in shown.output


@pytest.mark.parametrize("verb", ["show", "report", "export", "verify"])
def test_before_a_run_the_command_to_run_is_printed_and_no_store_is_made(command, verb, tmp_path):
    shown = CliRunner().invoke(cli.app, [verb, "tiny"])
    assert shown.exit_code == 2
    assert shown.stderr == "error: nothing of tiny is measured yet; run it with: toymanifold run tiny\n"
    assert "the file does not exist" in command(verb, "tiny").stderr  # of a store that was named
    assert not list(tmp_path.iterdir())


def test_an_unknown_study_is_an_error_that_names_the_known_ones(command):
    ended = command("run", "tinny")
    assert ended.exit_code == 2
    assert "unknown study 'tinny'; did you mean 'tiny'? Known: 'tiny'" in ended.stderr


def test_the_example_runs_end_to_end_and_is_not_overwritten(command, tmp_path):
    new = [cli.app, ["new", "mine.toml"]]
    assert "run it with: toymanifold run mine.toml\n" in CliRunner().invoke(*new).output
    again = CliRunner().invoke(*new)
    assert again.exit_code == 2
    assert "error: cannot write mine.toml: File exists" in again.stderr
    ran = command("run", "mine.toml", "--seeds", "1")
    assert (ran.exit_code, "Done. See it with: toymanifold show mine.toml --seeds 1" in ran.output) == (0, True)
    shown = command("show", "mine.toml", "--seeds", "1", "--pictures")
    for problem in ("spiral, flip_probability=0.0", "spiral, flip_probability=0.1"):
        assert f"{problem}: At n = 500, does the polar prior help the nearest neighbour? " in shown.output
        name = problem.replace(", ", "-")
        for picture in ("learning-curves", "decision-regions"):
            assert (tmp_path / "toymanifold-results" / "example" / f"{picture}-{name}.png").exists()


def test_an_invalid_file_is_an_error_before_anything_runs(command, tmp_path):
    (tmp_path / "mine.toml").write_text('name = "mine"\n[learners."a [b]"]\nestimator = "os:system"\n')
    ended = command("run", "mine.toml")
    assert ended.exit_code == 2
    assert "mine.toml:3: learners.\"a [b]\".estimator: the package 'os' is not allowed" in ended.stderr
    assert "mine.toml: seeds: is missing" in ended.stderr
    assert not (tmp_path / "results.db").exists()


def test_a_package_is_allowed_by_name(command, tmp_path, monkeypatch):
    (tmp_path / "foreign_learners.py").write_text("from sklearn.svm import SVC\n\nclass Foreign(SVC):\n    pass\n")
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nquestion = "?"\nseeds = 1\nsizes = [20]\n[learners.a]\nestimator = "foreign_learners:Foreign"\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert "--allow foreign_learners" in command("run", "mine.toml").stderr
    assert command("run", "mine.toml", "--allow", "foreign_learners").exit_code == 0
    assert command("show", "mine.toml", "--allow", "foreign_learners").exit_code == 0


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
    shown = command("show", "mine.toml", "--pictures")
    assert "MSE" in shown.output
    assert re.search(r"Does more data help\? .*: [.0-9]+ against [.0-9]+, ", shown.output)
    assert [path.name for path in (tmp_path / "toymanifold-results" / "mine").iterdir()] == ["learning-curves.png"]


def test_several_studies_run_as_one(command, tiny, monkeypatch):
    twin = tiny.model_copy(update={"name": "twin", "seeds": 3})
    monkeypatch.setattr("studies.spec.study.built_in", lambda: {"tiny": tiny, "twin": twin})
    monkeypatch.setattr("studies.cli.main.built_in_questions", lambda: {"tiny": "?", "twin": "?"})
    ran = command("run", "tiny", "twin")
    assert "tiny: 10 cells, 0 measured before" in ran.output
    assert "15/15 cells" in ran.output  # the cells of one study are among those of the other
    assert "twin: 15 cells, 15 measured before" in command("run", "--all").output


@pytest.mark.parametrize("words", [["run"], ["run", "tiny", "--all"]])
def test_run_needs_names_or_all_but_not_both(command, words):
    ended = command(*words)
    assert ended.exit_code == 2
    assert "name the studies to run, or use --all" in ended.stderr


def test_a_dry_run_prints_and_writes_nothing(command, tmp_path):
    output = command("run", "tiny", "--dry-run").output
    assert "10 cells to do; their time is unknown" in output
    assert not list(tmp_path.iterdir())
    command("run", "tiny", "--quick")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    output = command("run", "tiny", "--dry-run", "--jobs", "2").output
    assert "7 cells to do, about " in output
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_quiet_prints_nothing_of_a_run_without_failures(command):
    assert command("run", "tiny", "--quiet").output == ""


def test_quiet_prints_failures(command, tiny):
    tiny.learners["kNN"] = tiny.learners["kNN"].model_copy(update={"params": {"n_neighbors": -1}})
    assert command("run", "tiny", "--quiet").output.count("error: kNN, ") == 4


def test_fail_fast_starts_no_more_cells_after_a_failure(command, tiny, url, monkeypatch):
    tiny.learners["kNN"] = tiny.learners["kNN"].model_copy(update={"params": {"n_neighbors": -1}})
    monkeypatch.setattr("studies.execution.run._OUTSTANDING", 1)
    ran = command("run", "tiny", "--fail-fast")
    assert ran.exit_code == 1
    assert ran.output.count("error: ") == 1
    assert "Stopped. All finished cells are stored; the same command continues from there." in ran.output
    with Store(url) as store:
        assert len(store.statuses([p.cell.key for p in plan_study(tiny)])) == 1
    assert "1 failed (--retry-failed tries them again)" in command("run", "tiny", "--dry-run").output


def test_an_unknown_executor_is_an_error(command, monkeypatch):
    monkeypatch.undo()
    ended = CliRunner().invoke(cli.app, ["run", "ablation", "--executor", "ray", "--store", "sqlite://"])
    assert ended.exit_code == 2
    assert "error: The executor must be 'local' or 'dask://host:port'. Got 'ray' instead." in ended.stderr


INTERRUPTED = """
import sys
from studies.cli import main
from studies.spec import study as spec
study = spec.Study.model_validate_json(sys.argv.pop())
if __name__ == "__main__":
    spec.built_in = lambda: {study.name: study}
    main.app()
"""


@contextlib.contextmanager
def driver(study, url, *options):
    """Run a study by the command, in its own session, as in a terminal."""
    words = ["run", study.name, "--store", url, *options, study.model_dump_json()]
    program = [sys.executable, "-c", INTERRUPTED, *words]
    with subprocess.Popen(program, stdout=-1, stderr=-1, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def press_ctrl_c(process):
    """Interrupt the driver and all its processes, as a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.fixture
def busy(tiny):
    """A study of three cheap cells, and one that never ends and keeps one of two workers busy."""
    endless = {"estimator": "net", "params": {"epochs": 10**9}, "max_samples": 20}
    learners = {**tiny.model_dump()["learners"], "endless": endless}
    return Study.model_validate({**tiny.model_dump(), "learners": learners, "seeds": 1})


def stored(study, url):
    with Store(url) as store:
        return store.statuses([p.cell.key for p in plan_study(study)])


def wait_until_stored(n, study, url):
    keys = [p.cell.key for p in plan_study(study)]
    with Store(url) as store:
        while len(store.statuses(keys)) < n:
            time.sleep(0.1)


def test_an_interrupted_run_finishes_running_cells_and_can_be_resumed(tiny, url):
    study = tiny.model_copy(update={"seeds": 100})
    with driver(study, url, "--jobs", "2") as process:
        wait_until_stored(1, study, url)
        press_ctrl_c(process)
        output, errors = process.communicate()
    assert process.returncode == 130
    assert "Finishing running cells; Ctrl-C again stops now." in errors
    assert "Stopped. All finished cells are stored; the same command continues from there." in output
    assert set(stored(study, url).values()) == {"ok"}
    assert len(stored(study, url)) < len(plan_study(study))


def test_a_run_interrupted_twice_stops_now_and_keeps_finished_cells(busy, url):
    with driver(busy, url, "--jobs", "2") as process:
        wait_until_stored(3, busy, url)
        press_ctrl_c(process)
        time.sleep(0.5)
        assert process.poll() is None
        press_ctrl_c(process)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped." in output
    assert list(stored(busy, url).values()) == ["ok"] * 3


@pytest.mark.slow
def test_a_terminated_run_stops_now_and_keeps_finished_cells(busy, url):
    with driver(busy, url, "--jobs", "2") as process:
        wait_until_stored(3, busy, url)
        process.terminate()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Stopped." in output
    assert list(stored(busy, url).values()) == ["ok"] * 3


@pytest.mark.slow
def test_a_run_can_be_interrupted_before_its_workers_have_started(tiny, url):
    with driver(tiny, url) as process:
        assert process.stdout.readline() == "tiny: 10 cells, 0 measured before\n"
        time.sleep(0.3)
        press_ctrl_c(process)
        output, _ = process.communicate()
    assert process.returncode == 130
    assert "Stopped." in output
    assert set(stored(tiny, url).values()) <= {"ok"}


def test_a_store_that_cannot_be_opened_is_one_clear_error():
    ended = CliRunner().invoke(cli.app, ["show", "ablation", "--store", "sqlite:////proc/nowhere/x.db"])
    assert ended.exit_code == 2
    assert "error: cannot use the results database" in ended.stderr


def test_failed_cells_are_printed_and_set_the_exit_code(command, tiny, url):
    broken = tiny.learners["kNN"].model_copy(update={"params": {"n_neighbors": -1}})
    tiny.learners["kNN"] = broken
    ran = command("run", "tiny")
    assert ran.exit_code == 1
    assert ran.output.count("error: kNN, n = ") == 4
    assert "must be an int in [1, inf). Got -1 instead." in ran.output
    key = re.search("Traceback of the first one: toymanifold store show .* ([0-9a-f]{12})\n", ran.output)[1]
    assert "must be an int in [1, inf). Got -1 instead." in command("store", "show", key).output
    assert re.search("Try them again with: toymanifold run tiny .*--retry-failed\n", ran.output)
    shown = command("show", "tiny").output
    assert "4 failed" in shown
    assert "  4 cells, error: " in shown
    assert re.search("Try the failed cells again with: toymanifold run tiny .*--retry-failed\n", shown)


@pytest.fixture
def failed(command, tiny, url):
    """The command, in whose store all cells of the tiny study have failed."""
    with Store(url) as store:
        for i, planned in enumerate(plan_study(tiny)):
            store.add(Outcome(planned.cell.key, planned.cell.spec, "error", error="B: " + "b" * 9999 if i else "A"))
    return command


@pytest.mark.parametrize("words", [["run"], ["show"], ["show", "--json"], ["report"], ["export"], ["verify"]])
def test_that_everything_failed_is_said_with_the_reasons(failed, words, url):
    ended = failed(words[0], "tiny", *words[1:])
    assert ended.exit_code == 1
    assert (
        "error: all 6 cells of tiny that have run failed:\n"
        f"  5 cells, error: B: {'b' * 497}...\n"
        "  1 cell, error: A\n"
        f"Try them again with: toymanifold run tiny --store {url} --retry-failed\n"
    ) in ended.output
    assert "measured yet" not in ended.output
    assert "Done" not in ended.output


def test_a_figure_that_cannot_be_written_is_one_error(command, tmp_path):
    command("run", "tiny", "--quick")
    (tmp_path / "afile").touch()
    for output, reason in (("afile", "afile/tiny: Not a directory"), ("/proc/x", "/proc/x: No such file or directory")):
        ended = command("show", "tiny", "--quick", "--pictures", "--output", output)
        assert (ended.exit_code, ended.stderr) == (2, f"error: cannot write {reason}\n")
    (tmp_path / "tiny" / "decision-regions.png").mkdir(parents=True)
    ended = command("show", "tiny", "--quick", "--pictures", "--output", ".")
    assert (ended.exit_code, ended.stderr) == (2, "error: cannot write tiny/decision-regions.png: Is a directory\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "1000001"], "tiny: seeds: must be 1000000 or less. Got 1000001."),
        (["--executor", "ray"], "The executor must be 'local' or 'dask://host:port'. Got 'ray' instead."),
        (["--jobs", "1000000000"], "'--jobs'"),
        *((["--time-limit", limit], "'--time-limit'") for limit in ("inf", "1e300", "nan", "0", "-1")),
    ],
)
def test_an_option_out_of_range_is_refused_before_a_dry_run_too(command, options, message):
    ended = command("run", "tiny", "--dry-run", *options)
    assert ended.exit_code == 2
    assert message in ended.stderr
    assert cli.RESUME not in ended.stderr
