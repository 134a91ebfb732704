"""Plans that a store keeps, so that what was measured is shown without its learners and without `--allow`."""

import functools
import hashlib
import json
import platform
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

import estimators
import studies
import toymanifold
from studies.registry.metrics import METRICS
from studies.registry.params import canonical
from studies.spec.cells import Cell, first_cells
from studies.spec.study import Study
from studies.store.store import Store, StoreError

_LIBRARIES = ("numpy", "scikit-learn", "skorch", "torch")  # whose signatures give parameters their defaults

_PLAN = TypeAdapter(list[tuple[str, dict[str, Any], str, str | None, dict[str, Any], tuple[str, ...]]])


def find_plan(study: Study, store: Store) -> bool:
    """Let a study use the plan that a store has kept of it, and return True if there is one."""
    kept = store.plan(_study_digest(study), code_digest())
    plan = None if kept is None else _read(kept, study)
    if plan is None:
        return False
    study.use_plan(plan)
    return True


def keep_plan(study: Study, store: Store) -> None:
    """Keep a study's plan in a store, unless it is there already or the store cannot be written."""
    kept = canonical([[c.problem, c.problem_params, c.estimator, c.prior, c.params, c.metrics] for c in _plan(study)])
    digest = _study_digest(study)
    if not store.database.read_only and store.plan(digest, code_digest()) != kept:
        with suppress(StoreError):  # such as a server's user who may only read
            store.keep_plan(digest, code_digest(), kept)


def _plan(study: Study) -> list[Cell]:
    if study.plan is None:
        study.use_plan(first_cells(study))
    return list(study.plan or ())


def _read(kept: str, study: Study) -> list[Cell] | None:
    """Return the cells of a kept plan, or None if it is not one of this study."""
    try:
        found = _PLAN.validate_json(kept)
    except ValidationError:
        return None
    cells = [
        Cell(problem, problem_params, estimator, prior, params, 0, 0, metrics, study.allow)
        for problem, problem_params, estimator, prior, params, metrics in found
    ]
    known = all(name in METRICS for cell in cells for name in cell.metrics)
    return cells if known and len(cells) == study.n_series else None


def _study_digest(study: Study) -> str:
    """Return a digest of the parts of a study on which its plan depends, in their order; sizes and seeds are none."""
    parts = study.model_dump(mode="json", include={"problems", "learners", "metrics"})
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
