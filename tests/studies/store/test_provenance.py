import platform
import subprocess
import sys
from dataclasses import replace

import pytest

from studies.store import provenance
from studies.store.provenance import collect


@pytest.fixture
def git(tmp_path):
    """A git checkout with one source file."""
    source = tmp_path / "studies" / "provenance.py"
    source.parent.mkdir()
    source.write_text("source")

    def git(*words):
        identity = ["-c", "user.name=me", "-c", "user.email=me@here"]
        ran = subprocess.run(["git", "-C", tmp_path, *identity, *words], capture_output=True, text=True, check=True)
        return ran.stdout.strip()

    git("init")
    return git, source


def test_a_run_contains_versions_machine_and_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["toymanifold", "run", "my study", "--store", "postgresql://me:secret@host/x"])
    run = collect("my study", 5, executor="local")
    assert run.command == "toymanifold run 'my study' --store 'postgresql://me:***@host/x'"
    assert (run.study, run.seeds, run.executor, run.threads) == ("my study", 5, "local", 1)
    assert run.versions["python"] == platform.python_version()
    assert set(run.versions) == {"python", "toymanifold", "numpy", "scipy", "scikit-learn", "torch", "skorch"}
    assert run.versions["torch"] != "unknown"
    assert run.cpu
    assert run.cores >= 1
    assert run.finished_at is None
    assert run.id != collect("my study", 5).id


def test_a_run_is_described_in_parts():
    run = replace(collect("tiny", 1), cpu="abacus", cores=1, git_commit="0123456789abcdef", git_dirty=True)
    parts = run.describe()
    assert parts["machine"] == "abacus, 1 core"
    assert parts["workers"] == "local, 1 thread each"
    assert parts["commit"] == "commit 0123456789ab with changes"
    assert parts["versions"].startswith(f"python {platform.python_version()}, toymanifold ")


def test_two_runs_have_differences():
    run = collect("tiny", 1)
    assert run.differences(collect("other", 2)) == []
    other = replace(run, cpu="abacus", versions=run.versions | {"numpy": "0.1"})
    assert run.differences(other) == [f"cpu: {run.cpu}, abacus", f"numpy: {run.versions['numpy']}, 0.1"]


def test_the_commit_is_that_of_the_checkout_that_holds_the_source(git):
    git, source = git
    assert provenance._git(source) == (None, None)  # git does not track the file, so the checkout is another project
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
