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


# A class may leave its parameters to its base, and one that functions return has attributes.
ALLOWED = {True: {*SETTINGS["checks"], "PR01"}, False: {*SETTINGS["checks"]}}


@pytest.mark.parametrize("name", NAMES)
def test_docstring_is_valid(name):
    module, _, attribute = name.rpartition(".")
    found = getattr(import_module(module), attribute)
    if isclass(found) or isfunction(found):
        allowed = ALLOWED[isclass(found)]
        assert not [f"{code}: {message}" for code, message in validate(name)["errors"] if code not in allowed]
