"""Learners and problems that are objects of this process. A study names them by the SHA-256 of their pickles.

A name stands for an object only in a process that has kept this object, and as long as a study that names it exists. So
a study cannot name a pickle that is loaded for it. Only workers load pickles: those that their driver has made.
"""

import functools
import hashlib
import inspect
import io
import os
import pickle
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import cloudpickle
from sklearn.base import clone

from studies.registry.imports import PACKAGES, code_identity
from studies.registry.params import Builder

_NAME = re.compile(r"object:[0-9a-f]{64}")
_MAIN = ("__main__", "__mp_main__")
_LIBRARIES = {*PACKAGES, "numpy", "pandas", "scipy", *sys.stdlib_module_names}  # which are not part of a cell


@dataclass(frozen=True)
class Kept:
    """An object with its name."""

    name: str
    value: Any


_KEPT: WeakValueDictionary[str, Kept] = WeakValueDictionary()


def keep(value: Any) -> Kept:
    """Keep an object under its name as long as the returned one exists; equal objects have one name.

    Raises
    ------
    Exception
        If it cannot be pickled.
    """
    name = f"object:{hashlib.sha256(cloudpickle.dumps(value)).hexdigest()}"
    return _KEPT.setdefault(name, Kept(name, value))


def is_object(name: str | None) -> bool:
    """Return True for the name of an object, kept or not."""
    return name is not None and _NAME.fullmatch(name) is not None


def find_kept(name: str) -> Builder | None:
    """Return the builder of an object: of an estimator a clone, of anything else the object itself.

    None if no such object is kept.
    """
    return _builder(name) if name in _KEPT else None


@functools.cache  # since parameters of builders are cached, too
def _builder(name: str) -> Builder:
    return functools.partial(_build, name)


def _build(name: str) -> Any:
    value = _KEPT[name].value
    return clone(value) if hasattr(value, "get_params") else value


def code_of_object(value: Any) -> dict[str, str]:
    """Return the identity of the foreign code that an object's pickle refers to, by module.

    Raises
    ------
    ValueError
        If part of it cannot be imported: it is a lambda, or defined in a function, a notebook or the main script.
    """
    found = _References(io.BytesIO())
    try:
        found.dump(value)
    except Exception as error:  # pickle raises PicklingError, AttributeError and TypeError
        raise ValueError(str(error)) from error
    foreign = sorted(module for module in found.modules if module.split(".")[0] not in _LIBRARIES)
    code = {module: code_identity(module) for module in foreign if module not in _MAIN}
    if missing := [module for module in foreign if code.get(module) is None]:
        raise ValueError(f"a class or function of the module {missing[0]!r} cannot be imported elsewhere")
    return {module: str(identity) for module, identity in code.items()}


def code_of_kept(name: str) -> dict[str, str]:
    """Return the identity of the code of a kept object; empty if it cannot be imported."""
    try:
        return code_of_object(_KEPT[name].value)
    except ValueError:
        return {}


class _References(pickle.Pickler):
    """A pickler that collects the modules of the classes and functions that it stores by name."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.modules: set[str] = set()

    def reducer_override(self, value: Any) -> Any:
        if inspect.isclass(value) or inspect.isroutine(value):
            self.modules.add(value.__module__ or "builtins")
        return NotImplemented


def write_objects(kept: Iterable[Kept], path: str) -> None:
    """Write the pickles of objects to a new file, which only this user can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        cloudpickle.dump({one.name: one.value for one in kept}, file)


@functools.cache
def read_objects(path: str) -> list[Kept]:
    """Keep the objects of a file that the driver of this worker has written, as long as this process lives."""
    with open(path, "rb") as file:
        read = [Kept(name, value) for name, value in pickle.load(file).items()]
    _KEPT.update({one.name: one for one in read})
    return read
