"""The memory that workers may use: that of the machine, or of the container if it is less."""

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

_SHARE = 0.8  # of the memory for workers; the rest is for the driver and the system

_FILES = {"": "memory.max", "memory": "memory.limit_in_bytes"}  # by controller: cgroups of version 2 and 1


def memory_share(n_workers: int) -> int:
    """Return each worker's share, in bytes, of 80 % of the memory, and not more than its resource limits."""
    total = min([psutil.virtual_memory().total, *cgroup_limits()])
    return min([int(_SHARE * total / n_workers), *_resource_limits()])


def cgroup_limits(proc: Path = Path("/proc/self"), mounted: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """Yield the memory limits, in bytes, of this process's control groups and those around them.

    Parameters
    ----------
    proc, mounted : Path
        Folder of the process, and of the file system of control groups.
    """
    try:
        lines = (proc / "cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        for controller in {"", "memory"} & set(controllers.split(",")):
            for folder in (Path(group), *Path(group).parents):
                limit = mounted / controller / folder.relative_to("/") / _FILES[controller]
                if limit.exists() and (text := limit.read_text().strip()).isdecimal():
                    yield int(text)


def _resource_limits() -> list[int]:
    if sys.platform == "win32":
        return []
    import resource

    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return [limit for limit in limits if limit != resource.RLIM_INFINITY]
