"""What the packages import is declared, and what is not theirs but has their names is refused in one sentence."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("toymanifold", "estimators", "studies")
OPTIONAL = {  # modules that an extra is for, and what they may import beyond the dependencies
    "studies/registry/data.py": {"pyarrow"},
    "studies/web/explore.py": {"anyio", "starlette", "uvicorn"},
    "studies/web/scenes.py": {"starlette"},
    "studies/execution/dask_executor.py": {"distributed"},
    "studies/store/database.py": {"psycopg"},
    "toymanifold/strategies.py": {"hypothesis"},
}


def imported(file):
    """The top-level packages that a module imports, at its top or later."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - set(PACKAGES)


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {normal(re.match(r"[\w.-]+", line)[0]) for line in project["dependencies"]}
    distributions = packages_distributions()
    for file in (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))):
        needed = imported(file) - OPTIONAL.get(str(file.relative_to(ROOT)), set())
        missing = {name for name in needed if declared.isdisjoint(map(normal, distributions.get(name, [name])))}
        assert not missing, f"{file} imports {missing}"


@pytest.mark.parametrize(
    ("name", "program"), [("estimators", "import studies"), ("studies", "import studies.cli.main")]
)
def test_a_foreign_package_is_named_in_one_sentence(tmp_path, name, program):
    """As another distribution leaves it: its own __init__.py, and the other files of ours."""
    for package in PACKAGES:
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    for file in (ROOT / name).iterdir():
        (tmp_path / name / file.name).symlink_to(file)
    (tmp_path / name / "__init__.py").unlink()
    (tmp_path / name / "__init__.py").write_text('"""Something else."""')
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert f"ImportError: the package '{name}' in {tmp_path / name} is not toymanifold's" in ran.stderr
