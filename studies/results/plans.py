"""Plans that a store keeps, so that what was measured is shown without its learners and without `--allow`."""

import functools
import hashlib
import json
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, replace
from importlib import metadata
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

import estimators
import studies
import toymanifold
from studies.registry.data import file_digest
from studies.registry.imports import code_identity, is_foreign
from studies.registry.metrics import METRICS, find_metric
from studies.registry.params import canonical
from studies.registry.problems import DATA
from studies.spec.cells import Cell, first_cells
from studies.spec.study import Study
from studies.store.store import Store, StoreError

_LIBRARIES = ("numpy", "scikit-learn", "skorch", "torch")  # whose signatures give parameters their defaults

_PLAN = TypeAdapter(list[Cell])
_OF_PERSON = ("allow", "folder")  # fields that the person who reads the plan sets


def find_plan(study: Study, store: Store) -> bool:
    """Let a study use the plan that a store has kept of it, and return True if there is one."""
    kept = store.plan(_study_digest(study), code_digest())
    plan = None if kept is None else _read(kept, study)
    if plan is None:
        return False
    study.use_plan(plan)
    return True


def register_metrics(study: Study) -> None:
    """Register the metrics of allowed packages, so that their titles and best values are known.

    Those that are not allowed are shown by their names, as tables and curves.
    """
    for name in filter(is_foreign, study.metrics):
        with suppress(ValueError):
            find_metric(name, study.allow)


def keep_plan(study: Study, store: Store) -> None:
    """Keep a study's plan in a store, unless it is there already or the store cannot be written."""
    names = [part.name for part in fields(Cell) if part.name not in _OF_PERSON]
    kept = canonical([{name: getattr(cell, name) for name in names} for cell in _plan(study)])
    digest = _study_digest(study)
    if not store.database.read_only and store.plan(digest, code_digest()) != kept:
        with suppress(StoreError):  # such as a server's user who may only read
            store.keep_plan(digest, code_digest(), kept)


def _plan(study: Study) -> list[Cell]:
    if study.plan is None:
        study.use_plan(first_cells(study))
    return list(study.plan or ())


def _read(kept: str, study: Study) -> list[Cell] | None:
    """Return the cells of a kept plan, or None if it is not one of this study, or of other code or data."""
    try:
        cells = _PLAN.validate_json(kept)
    except ValidationError:
        return None
    known = all(is_foreign(name) or name in METRICS for cell in cells for name in cell.metrics)
    if not known or len(cells) != study.n_series or _are_outdated(cells, study.folder):
        return None
    return [replace(cell, allow=study.allow, folder=study.folder) for cell in cells]


def _are_outdated(cells: list[Cell], folder: str) -> bool:
    """Return True if foreign code or a file, as far as it is here, is not that of the cells; nothing is imported."""
    code = {(module, identity) for cell in cells for module, identity in cell.code.items()}
    data = [cell.problem_params for cell in cells if cell.problem == DATA]
    files = {(str(params.get("path", "")), str(params.get("sha256"))) for params in data}
    return any(code_identity(module, folder) not in (None, identity) for module, identity in code) or any(
        _is_another(Path(path), digest) for path, digest in files
    )


def _is_another(path: Path, digest: str) -> bool:
    """Return True if there is a file with another content."""
    if not path.is_file():
        return False
    try:
        return file_digest(path) != digest
    except ValueError:  # the check of the study has the reason
        return True


def _study_digest(study: Study) -> str:
    """Return a digest of the parts of a study on which its plan depends, in their order; sizes and seeds are none."""
    parts = study.model_dump(mode="json", include={"problems", "learners", "metrics", "fresh_problems"})
    for learner in parts["learners"].values():
        del learner["sizes"], learner["max_samples"]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.cache
def code_digest() -> str:
    """Return a digest of this project's code and of the versions of the libraries on which plans depend."""
    digest = hashlib.sha256(platform.python_version().encode())
    for name in _LIBRARIES:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for file in sorted(_sources()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for package in (toymanifold, estimators, studies):
        yield from Path(str(package.__file__)).parent.rglob("*.py")
