import platform
import subprocess
import sys
from dataclasses import replace

import pytest

from studies.store import provenance
from studies.store.provenance import collect


@pytest.fixture
def git(tmp_path):
    """A git checkout with one file of ours."""
    source = tmp_path / "studies" / "provenance.py"
    source.parent.mkdir()
    source.write_text("ours")

    def git(*words):
        identity = ["-c", "user.name=me", "-c", "user.email=me@here"]
        ran = subprocess.run(["git", "-C", tmp_path, *identity, *words], capture_output=True, text=True, check=True)
        return ran.stdout.strip()

    git("init")
    return git, source


def test_a_run_tells_versions_machine_and_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["toymanifold", "run", "my study", "--store", "postgresql://me:secret@host/x"])
    run = collect("my study", 5, executor="local", threads=2)
    assert run.command == "toymanifold run 'my study' --store postgresql://me:***@host/x"
    assert (run.study, run.seeds, run.executor, run.threads) == ("my study", 5, "local", 2)
    assert run.versions["python"] == platform.python_version()
    assert set(run.versions) == {"python", "toymanifold", "numpy", "scipy", "scikit-learn", "torch", "skorch"}
    assert run.versions["torch"] != "unknown"
    assert run.cpu
    assert run.cores >= 1
    assert run.finished_at is None
    assert run.id != collect("my study", 5).id


def test_two_runs_tell_in_what_they_differ():
    run = collect("tiny", 1)
    assert run.differences(collect("other", 2)) == []
    other = replace(run, cpu="abacus", versions=run.versions | {"numpy": "0.1"})
    assert run.differences(other) == [f"cpu: {run.cpu}, abacus", f"numpy: {run.versions['numpy']}, 0.1"]


def test_the_commit_is_that_of_the_checkout_that_holds_the_source(git):
    git, source = git
    assert provenance._git(source) == (None, None)  # a file that git does not know lies in somebody else's checkout
    git("add", ".")
    git("commit", "-m", "first")
    commit = git("rev-parse", "HEAD")
    assert provenance._git(source) == (commit, False)
    source.with_name("notes.txt").write_text("untracked")
    assert provenance._git(source) == (commit, False)
    source.write_text("changed")
    assert provenance._git(source) == (commit, True)


def test_without_git_there_is_no_commit(git, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance._git(git[1]) == (None, None)
