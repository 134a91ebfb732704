import resource

import psutil
import pytest

from studies.execution.memory import cgroup_limits, memory_share


def test_shares_leave_a_part_of_the_memory_to_the_machine():
    assert 8 * memory_share(8) <= memory_share(1) < psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("line", "files", "limits"),
    [
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": "1200", "memory.max": "9000"}, [1200, 9000]),
        ("0::/", {"memory.max": "1200"}, [1200]),
        ("0::/not/in/the/container", {"memory.max": "1200"}, [1200]),
        ("4:memory:/a", {"memory/a/memory.limit_in_bytes": "700\n"}, [700]),
        ("4:cpuacct,cpu:/a", {"memory/a/memory.limit_in_bytes": "700"}, []),
        ("", {}, []),
    ],
)
def test_limits_of_containers_are_read(tmp_path, line, files, limits):
    (tmp_path / "cgroup").write_text(line)
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text)
    assert list(cgroup_limits(tmp_path, tmp_path / "fs")) == limits


def test_the_share_is_that_of_the_container(monkeypatch):
    monkeypatch.setattr("studies.execution.memory.cgroup_limits", lambda: iter([10**9, 2 * 10**9]))
    assert memory_share(2) == 4 * 10**8


def test_the_share_is_within_the_limits_of_the_process(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (5 * 10**8 if kind == resource.RLIMIT_AS else -1, -1))
    assert memory_share(1) == 5 * 10**8
