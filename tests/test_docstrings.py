"""Docstrings of all public names hold what numpydoc's validation asks for."""

import tomllib
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path

import pytest
from numpydoc.validate import validate

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]
PUBLIC = [
    "toymanifold",
    "toymanifold.checks",
    "toymanifold.strategies",
    "estimators",
    "studies",
    "studies.analysis",
    "studies.plots",
]
NAMES = sorted({f"{module}.{name}" for module in PUBLIC for name in import_module(module).__all__})


def allowed_errors(found):
    """A class may leave its parameters to its base, and an exception needs no example."""
    checks = {*SETTINGS["checks"]}
    if not isclass(found):
        return checks
    return {*checks, "PR01", "EX01"} if issubclass(found, Exception) else {*checks, "PR01"}


@pytest.mark.parametrize("name", NAMES)
def test_docstring_is_valid(name):
    module, _, attribute = name.rpartition(".")
    found = getattr(import_module(module), attribute)
    if isclass(found) or isfunction(found):
        allowed = allowed_errors(found)
        assert not [f"{code}: {message}" for code, message in validate(name)["errors"] if code not in allowed]
