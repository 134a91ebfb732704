"""Where results come from: the record of a run, with versions, machine, threads, command and commit."""

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

_PACKAGES = ("toymanifold", "numpy", "scipy", "scikit-learn", "torch", "skorch")


def now() -> datetime:
    """Return the present moment in UTC, without a time zone, as databases keep it."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Run:
    """One call of a command that computes cells.

    Parameters
    ----------
    study : str
    seeds : int
        How many the study has in this run.
    command : str
        As typed, without passwords.
    executor : str
    threads : int
        Of each worker.
    host, cpu : str
    cores : int
    versions : dict of str to str
        Of Python and of the packages that results depend on.
    git_commit : str or None
        Of the source tree, if it is a git checkout.
    git_dirty : bool or None
        Whether the source tree differs from the commit.
    id : str
    started_at : datetime
        In UTC, without a time zone.
    finished_at : datetime or None
        None while it goes on, and for ever if it was killed.
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
        """Return in what two runs differ that can change the last bits of a result, each as "name: this, other"."""
        mine, theirs = ({"cpu": r.cpu, "threads": str(r.threads), **r.versions} for r in (self, other))
        return [f"{name}: {mine.get(name)}, {theirs.get(name)}" for name in mine if mine[name] != theirs.get(name)]


def collect(study: str, seeds: int, *, executor: str = "local", threads: int = 1) -> Run:
    """Return the record of a run that begins now, in this process, on this machine.

    Parameters
    ----------
    study : str
    seeds : int
    executor : str, default="local"
    threads : int, default=1
        Of each worker.
    """
    commit, dirty = _git(Path(__file__))
    return Run(
        study=study,
        seeds=seeds,
        command=_without_passwords(shlex.join(sys.argv)),
        executor=_without_passwords(executor),
        threads=threads,
        host=platform.node(),
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        versions={"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        git_commit=commit,
        git_dirty=dirty,
    )


def _without_passwords(text: str) -> str:
    return re.sub(r"(://[^:/@\s]*):[^@/\s]*@", r"\1:***@", text)


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
    """Return the commit of the checkout that tracks a file, and whether its folder differs from it; else two Nones."""
    try:
        _ask_git(source, "ls-files", "--error-unmatch", source.name)  # it may lie in somebody else's checkout
        commit = _ask_git(source, "rev-parse", "HEAD")
        changes = _ask_git(source, "status", "--porcelain", "--untracked-files=no", "--", ":/")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(changes)


def _ask_git(source: Path, *words: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(source.parent), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
