"""What a command costs before it does anything, beside a process that imports numpy, in processor time."""

import resource
import subprocess
import sys

import pytest

NUMPY = ("-c", "import numpy")
CALL = ("-c", "from studies.cli.main import app; app(prog_name='toymanifold')")
ROUNDS = 7


def processor_seconds(*words):
    """Return the processor time of a Python process, which other work on the machine hardly changes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.benchmark(group="start")
@pytest.mark.parametrize("command", ["--help", "--version", "list"])
def test_start(benchmark, measured, command):
    rounds = benchmark.pedantic(
        lambda: [(processor_seconds(*CALL, command), processor_seconds(*NUMPY)) for _ in range(ROUNDS)], rounds=1
    )
    ours, numpy = map(min, zip(*rounds, strict=True))
    measured[f"toymanifold {command}", "import numpy"] = ours / numpy
