"""The gate: no text of a study reaches code that is not allowed."""

import importlib
import inspect
import pkgutil
import sys
from importlib.util import spec_from_file_location

import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st

from studies import SpecError, Study
from studies.registry.imports import (
    LOADERS,
    PACKAGES,
    code_identity,
    code_of,
    find_object,
    is_estimator_class,
    is_foreign,
)

MINE = """
from os import system
from sklearn.base import clone
from sklearn.datasets import clear_data_home, make_moons
from sklearn.neighbors import KNeighborsClassifier
def problem(): ...
class Thing: ...
value = 3
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "gate_mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "gate_mine.py"
    sys.modules.pop("gate_mine", None)


def sklearn_functions():
    """Yield the name of every public function of scikit-learn, by the module in which it is found."""
    for module in pkgutil.walk_packages(sklearn.__path__, "sklearn."):
        if {"tests", "conftest", "externals", "experimental", "_build_utils"} & set(module.name.split(".")):
            continue
        try:
            found = importlib.import_module(module.name)
        except ImportError:
            continue
        for name, value in vars(found).items():
            if inspect.isroutine(value) and not name.startswith("_"):
                yield f"{module.name}:{name}"


def test_no_function_of_scikit_learn_can_be_named_but_generators_and_loaders():
    """`clear_data_home` with a `data_home` would remove a folder."""
    names = list(sklearn_functions())
    assert "sklearn.datasets:clear_data_home" in names
    found = set()
    for name in names:
        try:
            found.add(find_object(name, allow=["sklearn"]).__name__)
        except ValueError:
            continue
    assert set(LOADERS) < found
    assert all(name.startswith("make_") for name in found - set(LOADERS))
    assert "make_pipeline" not in found


@pytest.mark.parametrize("name", ["system", "clone", "clear_data_home", "value", "nothing"])
def test_what_an_allowed_module_has_from_elsewhere_cannot_be_named(mine, name):
    with pytest.raises(ValueError, match=r"allowed package|is not a scikit-learn|class or function"):
        find_object(f"gate_mine:{name}", ["gate_mine"])


def test_own_classes_and_functions_of_an_allowed_module_can_be_named(mine):
    found = [find_object(f"gate_mine:{name}", ["gate_mine"]).__name__ for name in ("problem", "Thing", "make_moons")]
    assert found == ["problem", "Thing", "make_moons"]
    with pytest.raises(ValueError, match=r"'gate_mine' is not allowed; .* --allow gate_mine"):
        find_object("gate_mine:problem", ["another"])


@given(st.sampled_from(sorted(sys.modules)), st.text("abcdefghijklmnopqrstuvwxyz_:.", max_size=20), st.booleans())
def test_only_modules_of_allowed_packages_are_imported(module, attribute, known):
    """Whatever a name says: an object that is found is an estimator, a generator or a loader."""
    attribute = next(iter(vars(sys.modules[module])), attribute) if known else attribute
    before = set(sys.modules)
    try:
        found = find_object(f"{module}:{attribute}")
    except ValueError:
        new = {name.split(".")[0] for name in set(sys.modules) - before}
        assert not new or module.split(".")[0] in PACKAGES
        return
    assert is_estimator_class(found) or found.__name__.startswith(("make_", "load_"))
    assert found.__module__.split(".")[0] in PACKAGES


def test_the_identity_of_code_is_the_digest_of_its_file_or_its_distribution(mine):
    found = find_object("gate_mine:problem", ["gate_mine"])
    before = code_of(found)
    assert before.keys() == {"gate_mine"}
    assert before["gate_mine"].startswith("sha256:")
    mine.write_text(MINE + "# edited\n")
    assert code_of(found) != before
    assert code_of(find_object("gate_mine:make_moons", ["gate_mine"])) == {}
    assert code_identity("skorch.classifier").startswith("skorch ")
    assert code_identity("no_such_module.at_all") is None


def test_an_identity_is_found_without_an_import(tmp_path):
    (tmp_path / "gate_package").mkdir()
    (tmp_path / "gate_package" / "__init__.py").write_text("raise SystemExit")
    (tmp_path / "gate_package" / "part.py").write_text("raise SystemExit")
    assert code_identity("gate_package.part", str(tmp_path)).startswith("sha256:")
    assert "gate_package" not in sys.modules


def test_the_code_of_an_editable_installation_has_an_identity(tmp_path, monkeypatch):
    """setuptools installs a finder, and the package is not on the path."""
    (tmp_path / "gate_editable.py").write_text("def make(): ...")

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return spec_from_file_location(name, tmp_path / "gate_editable.py") if name == "gate_editable" else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert code_of(find_object("gate_editable:make", ["gate_editable"])).keys() == {"gate_editable"}
    del sys.modules["gate_editable"]
    assert code_identity("gate_editable").startswith("sha256:")


def test_foreign_names_are_those_of_other_packages():
    assert is_foreign("xgboost:XGBClassifier")
    assert not any(map(is_foreign, ("sklearn.svm:SVC", "knn", None)))


def test_an_allowed_package_that_is_nowhere_is_a_mistake(tmp_path):
    keys = ('name = "x"', 'question = "?"', "sizes = [10]", "seeds = 1", 'learners.a.estimator = "knn"')
    (tmp_path / "x.toml").write_text("\n".join(keys))
    assert Study.from_toml(tmp_path / "x.toml", allow="numpy").name == "x"
    for package in ("nowhere_at_all", "numpy.linalg", ""):
        with pytest.raises(SpecError, match=f"the allowed package '{package}' is neither installed nor beside"):
            Study.from_toml(tmp_path / "x.toml", allow=package)
