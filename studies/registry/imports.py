"""The gate to code that a study names as ``package.module:name``: problems, learners, priors, metrics and plots.

Estimators of scikit-learn and of this project can be named, and of `sklearn.datasets` the generators ``make_*`` and
five loaders. Any other package is imported only if the person who runs the study allows it, and nothing that it has
taken from elsewhere can be named in it.
"""

import functools
import hashlib
import importlib
import inspect
import re
import sys
import sysconfig
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from studies.registry.errors import SpecError, cut, exception_text, unknown
from toymanifold import Symmetry

PACKAGES = ("sklearn", "estimators", "toymanifold")
"""Packages of which every estimator and symmetry is allowed."""

LOADERS = ("load_iris", "load_digits", "load_wine", "load_breast_cancer", "load_diabetes")
"""Functions of `sklearn.datasets` that return a data set, and neither read nor write anything else."""

MOVED_MODULES = {"estimators.rfm": "estimators.kernels.rfm"}
"""New module paths by those that earlier versions had, since stored cells name the old ones."""

LONGEST = 2000
"""Largest number of characters of a foreign message."""

_NAME = re.compile(r"([A-Za-z]\w*(?:\.[A-Za-z]\w*)*):([A-Za-z]\w*)", re.ASCII)
_TESTS = {"conftest", "tests"}


def is_named(name: str) -> bool:
    """Return True for a text of the form ``package.module:name``."""
    return _NAME.fullmatch(name) is not None


def find_named(
    kind: str, name: str, known: Collection[str], allow: Collection[str] = (), *, form: str = "function"
) -> Any:
    """Return what `find_object` does for a name that is none of the known ones.

    Parameters
    ----------
    kind : str
        What the name should be: "estimator".
    name : str
    known : collection of str
        Names of built-in objects, for the message.
    allow : collection of str, default=()
        Allowed packages in addition to `PACKAGES`.
    form : str, default="function"
        What a module may have under such a name.

    Raises
    ------
    ValueError
        If it is not of the form ``package.module:name``, or as in `find_object`.
    """
    if not is_named(name):
        raise ValueError(f"{unknown(kind, name, known)}, or package.module:{form}")
    return find_object(name, allow)


def find_object(name: str, allow: Collection[str] = ()) -> Any:
    """Return the class or function of a name; only allowed modules are imported.

    Parameters
    ----------
    name : str
        ``package.module:name``.
    allow : collection of str, default=()
        Allowed packages in addition to `PACKAGES`.

    Raises
    ------
    ValueError
        If there is no such class or function, or it is not allowed.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise ValueError("must be package.module:name")
    module, attribute = parts.groups()
    package, *rooms = module.split(".")
    if package not in (*PACKAGES, *allow):
        raise ValueError(
            f"the package {package!r} is not allowed; allowed are {', '.join((*PACKAGES, *allow))}, and any package by"
            f" --allow {package}"
        )
    if not _TESTS.isdisjoint(rooms):
        raise ValueError(f"the module {module!r} is part of a package's tests, which are not allowed")
    found = _imported(MOVED_MODULES.get(module, module), attribute)
    if not (inspect.isclass(found) or inspect.isfunction(found)):
        raise ValueError(f"{name} is not a class or function of the module {module!r}")
    _check_origin(found, name, allow)
    return found


def _imported(module: str, attribute: str) -> Any:
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except BaseException as error:  # importing a foreign module can raise anything, and may exit
        raise ValueError(f"the module {module!r} cannot be imported: {cut(exception_text(error), LONGEST)}") from error


def _check_origin(found: Any, name: str, allow: Collection[str]) -> None:
    """Raise if an object is not defined in an allowed package, or is one of ours that cannot be named."""
    package = _package(found)
    if package not in (*PACKAGES, *allow):
        raise ValueError(f"{name} must be a class or function that is defined in an allowed package")
    kinds = (is_estimator_class, is_symmetry_class, is_generator, is_loader)
    if package in PACKAGES and not any(is_kind(found) for is_kind in kinds):
        raise ValueError(
            f"{name} is not a scikit-learn estimator, a generator sklearn.datasets:make_..., a symmetry or one of the"
            f" loaders {', '.join(LOADERS)}"
        )


def is_estimator_class(found: Any) -> bool:
    """Return True for a class of scikit-learn estimators, abstract ones included."""
    return inspect.isclass(found) and issubclass(found, BaseEstimator)


def is_symmetry_class(found: Any) -> bool:
    """Return True for a class of symmetries, abstract ones included."""
    return inspect.isclass(found) and issubclass(found, Symmetry)


def is_generator(found: Any) -> bool:
    """Return True for a function ``make_*`` of `sklearn.datasets`."""
    return _is_of_datasets(found) and found.__name__.startswith("make_")


def is_loader(found: Any) -> bool:
    """Return True for one of the `LOADERS` of `sklearn.datasets`."""
    return _is_of_datasets(found) and found.__name__ in LOADERS


def _is_of_datasets(found: Any) -> bool:
    import sklearn.datasets  # here, since most studies need none of it

    return inspect.isfunction(found) and getattr(sklearn.datasets, found.__name__, None) is found


def _package(found: Any) -> str:
    return str(found.__module__).split(".")[0]


def is_foreign(name: str | None) -> bool:
    """Return True if a name is of none of `PACKAGES`, so that its code runs only where it is allowed."""
    return name is not None and ":" in name and package(name) not in PACKAGES


def package(name: str) -> str:
    """Return the package of a name: "a" of ``a.b:c``."""
    return re.split("[.:]", name)[0]


def code_of(found: Any, folder: str = "") -> dict[str, str]:
    """Return the identity of the foreign code of a class or function, empty for one of `PACKAGES`.

    Returns
    -------
    code : dict of str to str
        The SHA-256 of the file that defines it, by the name of its module; for an installed package the name and
        version of its distribution, by the name of the package.
    """
    if _package(found) in PACKAGES:
        return {}
    module = str(found.__module__)
    identity = code_identity(module, folder)
    if identity is None:
        raise SpecError(f"the file of the module {module!r} cannot be found, so its code has no identity")
    return {module: identity}


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    """Return the distributions of each installed package, for which the files of all of them are read."""
    return metadata.packages_distributions()


def code_identity(module: str, folder: str = "") -> str | None:
    """Return the identity of a module's code, without importing anything; None if it is not found.

    Parameters
    ----------
    module : str
    folder : str, default=""
        Folder to search after ``sys.path``.
    """
    spec = _located(module, [*sys.path, *([folder] if folder else [])])
    if spec is None or not spec.origin:
        return None
    file = Path(spec.origin).resolve()
    installed = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    if not installed.isdisjoint(file.parents):
        package = module.split(".")[0]
        names = _distributions().get(package, [])
        if names:
            return ", ".join(f"{name} {metadata.version(name)}" for name in sorted(set(names)))
    try:
        return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    except OSError:
        return None


def _located(module: str, path: list[str]) -> ModuleSpec | None:
    """Return the spec of a module; `importlib.util.find_spec` would import its parents."""
    spec, parts = None, module.split(".")
    for end in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:end]), path)
        if spec is None and end == 1:
            with suppress(ValueError):  # a module without a spec
                spec = find_spec(parts[0])  # which an editable installation may have outside the path
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    return spec


def make_importable(folder: Path, packages: Iterable[str]) -> None:
    """Append a folder to ``sys.path`` if it contains one of some allowed packages; nothing in it can hide another.

    Raises
    ------
    SpecError
        If such a package is installed, too.
    """
    for package in packages:
        found = PathFinder.find_spec(package, [str(folder)]) if package.isidentifier() else None
        if found is None:
            continue
        installed = sys.modules[package].__spec__ if package in sys.modules else find_spec(package)
        if installed is None:
            sys.path.append(str(folder))
        elif found.origin and installed.origin != found.origin:
            raise SpecError(
                f"the package {package!r} is both at {found.origin}, beside the study, and at {installed.origin}, where"
                " it would be imported from; rename one"
            )


def check_found(packages: Iterable[str]) -> None:
    """Raise SpecError if an allowed package is neither installed nor beside the study; nothing is imported."""
    for package in packages:
        if not package.isidentifier() or (package not in sys.modules and find_spec(package) is None):
            raise SpecError(f"the allowed package {package!r} is neither installed nor beside the study")
