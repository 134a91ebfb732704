"""The provenance of results: the record of a run, with versions, machine, threads, command and commit."""

import os
import platform
import re
import shlex
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from studies.store.passwords import hide_password

_PACKAGES = ("toymanifold", "numpy", "scipy", "scikit-learn", "torch", "skorch")


def now() -> datetime:
    """Return the current time in UTC, without a time zone, as databases store it."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Run:
    """The record of a command that computes cells.

    Parameters
    ----------
    study : str
    seeds : int
        Number of seeds in this run.
    command : str
        The command line, without passwords.
    executor : str
    threads : int
        Number of threads of each worker.
    host, cpu : str
    cores : int
    versions : dict of str to str
        Versions of Python and of the packages on which results depend.
    git_commit : str or None
        Commit of the source tree, if it is a git checkout.
    git_dirty : bool or None
        True if the source tree differs from the commit.
    id : str
    started_at : datetime
        In UTC, without a time zone.
    finished_at : datetime or None
        None as long as the run has not ended, and also if it was killed.
    """

    study: str
    seeds: int
    command: str
    executor: str
    threads: int
    host: str
    cpu: str
    cores: int
    versions: dict[str, str]
    git_commit: str | None = None
    git_dirty: bool | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started_at: datetime = field(default_factory=now)
    finished_at: datetime | None = None

    def differences(self, other: "Run") -> list[str]:
        """Return the differences that can change the last bits of a result, each as "name: this, other"."""
        mine, others = ({"cpu": r.cpu, "threads": str(r.threads), **r.versions} for r in (self, other))
        return [f"{name}: {mine[name]}, {others.get(name)}" for name in mine if mine[name] != others.get(name)]

    def describe(self) -> dict[str, str]:
        """Return the readable parts of the record: command, machine, workers, versions and commit."""
        dirty = " with changes" if self.git_dirty else ""
        return {
            "command": self.command,
            "machine": f"{self.cpu}, {self.cores} core{'s' if self.cores > 1 else ''}",
            "workers": f"{self.executor}, {self.threads} thread{'s' if self.threads > 1 else ''} each",
            "versions": ", ".join(f"{name} {version}" for name, version in self.versions.items()),
            "commit": f"commit {self.git_commit[:12]}{dirty}" if self.git_commit else "no git checkout",
        }


def collect(study: str, seeds: int, *, executor: str = "local") -> Run:
    """Return the record of a run that begins now, in this process, on this machine.

    Parameters
    ----------
    study : str
    seeds : int
    executor : str, default="local"
    """
    commit, dirty = _git(Path(__file__))
    return Run(
        study=study,
        seeds=seeds,
        command=shlex.join(map(hide_password, sys.argv)),
        executor=hide_password(executor),
        threads=1,
        host=platform.node(),
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        versions={"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        git_commit=commit,
        git_dirty=dirty,
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _cpu() -> str:
    try:
        models = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        models = None
    return models[1] if models else platform.processor() or platform.machine()


def _git(source: Path) -> tuple[str | None, bool | None]:
    """Return the commit of the checkout that tracks a file, and True if it has changes; without one, two Nones."""
    try:
        _ask_git(source, "ls-files", "--error-unmatch", source.name)  # fails in a checkout of another project
        commit = _ask_git(source, "rev-parse", "HEAD")
        changes = _ask_git(source, "status", "--porcelain", "--untracked-files=no", "--", ":/")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(changes)


def _ask_git(source: Path, *words: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(source.parent), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
