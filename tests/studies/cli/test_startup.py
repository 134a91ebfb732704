"""What commands load: those that measure nothing load no library that measures, and a driver does without torch."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "skorch", "sklearn", "scipy.stats", "matplotlib", "seaborn", "pandas", "sqlalchemy")
STUDY = """
name = "small"
question = "Does it run?"
seeds = 1
sizes = [20, 40]
metrics = ["accuracy"]
learners.kNN.estimator = "knn"
learners.net = { estimator = "net", prior = "polar", params = { epochs = 2, width = 4 } }
"""


def loaded_by(statement, names, *, cwd):
    """Run a statement in a process of its own, and return which of some modules it has loaded."""
    loaded = f"print([name for name in {names} if name in sys.modules])"
    program = f"import sys\ntry:\n    {statement}\nexcept SystemExit: pass\n{loaded}"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=cwd)
    return ran.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["list"], ["list", "--json"], ["new", "x.toml"]])
def test_a_command_that_measures_nothing_loads_no_library(words, tmp_path):
    assert loaded_by(f"from studies.cli.main import app; app({words})", HEAVY, cwd=tmp_path) == "[]"


def test_the_driver_of_a_run_loads_no_torch(tmp_path):
    (tmp_path / "small.toml").write_text(STUDY)
    run = "from studies.cli.main import app; app(['run', 'small.toml', '--jobs', '1'])"
    guarded = f"if __name__ == '__main__':\n        {run}"
    assert loaded_by(guarded, ("torch", "skorch"), cwd=tmp_path) == "[]"


def test_public_names_are_loaded_when_they_are_used(tmp_path):
    assert loaded_by("import studies", ("numpy", *HEAVY), cwd=tmp_path) == "[]"
    assert loaded_by("from studies import ScalingLaw, Study, run_study", ("torch",), cwd=tmp_path) == "[]"
