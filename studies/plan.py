"""A study becomes cells; a cell is its own content hash.

Pure: nothing here runs, reads or writes anything. What a cell is called in a study (its label) is no part of it, so
studies share the cells that they have in common.
"""

import functools
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from studies.metrics import MEASUREMENT
from studies.spec import Study


@dataclass(frozen=True)
class Cell:
    """One learner, fitted once: on the first `n_samples` points of seed `seed` of a problem.

    All of it is plain data, and all of it is part of the identity `key`.
    """

    problem: str
    problem_params: dict[str, Any] = field(hash=False)
    estimator: str
    prior: str | None
    params: dict[str, Any] = field(hash=False)
    n_samples: int
    seed: int

    @property
    def spec(self) -> str:
        """The cell as canonical JSON: the same for equal cells, whatever order a description had."""
        return json.dumps({**asdict(self), "measurement": MEASUREMENT}, sort_keys=True)

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 of `spec`, in hexadecimal."""
        return hashlib.sha256(self.spec.encode()).hexdigest()


@dataclass(frozen=True)
class Planned:
    """A cell and the label of its learner in the study."""

    learner: str
    cell: Cell


Task = tuple[Cell, ...]
"""Cells that one worker runs together, for what they share."""


def group(cells: list[Cell]) -> list[Task]:
    """Put cells into tasks, in the order in which they are to start."""
    return [(cell,) for cell in cells]


def plan_study(study: Study) -> list[Planned]:
    """Return the cells of a study, learner by learner, each by size and seed."""
    return [
        Planned(
            label,
            Cell(
                problem=study.problem.name,
                problem_params=study.problem.params,
                estimator=learner.estimator,
                prior=learner.prior,
                params=learner.params,
                n_samples=n_samples,
                seed=seed,
            ),
        )
        for label, learner in study.learners.items()
        for n_samples in study.sizes.values()
        if n_samples <= (learner.max_samples or study.sizes.stop)
        for seed in range(study.seeds)
    ]
