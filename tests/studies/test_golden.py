"""Cells keep their keys and labels, so that later code finds what is stored.

The files in `data/golden` are never edited, only extended: see `data/README.md`.
"""

import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from studies import Study, built_in
from studies.spec.cells import plan_study

GOLDEN = Path(__file__).parent / "data" / "golden"
CELLS = tomllib.loads((GOLDEN / "cells.toml").read_text(encoding="utf-8"))
STUDIES = tomllib.loads((GOLDEN / "studies.toml").read_text(encoding="utf-8"))
BY_HAND = ("fresh", "metrics", "names", "spellings")


def by_hand(name):
    return Study.from_toml(GOLDEN / f"{name}.toml")


def labels(planned):
    """Return the labels of a cell in its study."""
    names = ("problem", "learner", "family", "axes")
    place = {name: getattr(planned, name) for name in names}
    return {**place, "n_samples": planned.cell.n_samples, "seed": planned.cell.seed}


def rows(study):
    """Return the cells of a study in the form of `cells.toml`."""
    quick = {planned.cell.key for planned in plan_study(study.reduced())}
    return [
        {**labels(p), "quick": p.cell.key in quick, "key": p.cell.key, "spec": p.cell.spec} for p in plan_study(study)
    ]


def exact(rows):
    """Return each row as text, in which 1, 1.0 and true differ."""
    return [json.dumps(row, ensure_ascii=False) for row in rows]


def digest(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def outline(study):
    """Return the number of cells of a study, and digests of their keys and labels."""
    planned = plan_study(study)
    return {
        "cells": len(planned),
        "keys": digest(p.cell.key for p in planned),
        "labels": digest(json.dumps(labels(p)) for p in planned),
    }


def outlines(study):
    return {"full": outline(study), "quick": outline(study.reduced())}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_study_written_by_hand_keeps_its_cells(name):
    assert exact(rows(by_hand(name))) == exact(CELLS[name])


@pytest.mark.parametrize("name", BY_HAND)
def test_a_reduced_study_keeps_its_cells_and_their_order(name):
    quick = [planned.cell.key for planned in plan_study(by_hand(name).reduced())]
    assert quick == [cell["key"] for cell in CELLS[name] if cell["quick"]]


AXES = {
    "fresh": ["turns"],
    "metrics": [],
    "names": ["prior"],
    "spellings": [
        *("turns", "flip_probability", "density", "degree", "dimension", "prior", "width", "weight_decay", "bias"),
        *("activation", "bandwidth", "ridge", "max_features", "hidden_layer_sizes", "kernel", "class_weight"),
        *("learner_metric", "learner_degree"),
    ],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_axes_keep_their_columns(name):
    assert by_hand(name).axes == AXES[name]


@pytest.mark.parametrize("name", sorted(CELLS.keys() - BY_HAND))
def test_a_built_in_study_keeps_its_first_cell_and_its_last(name):
    cells = rows(built_in()[name])
    assert exact([cells[0], cells[-1]]) == exact(CELLS[name])


def test_built_in_studies_keep_all_their_cells():
    assert {name: outlines(study) for name, study in built_in().items()} == STUDIES["built-in"]


def test_the_example_keeps_all_its_cells(toymanifold, tmp_path):
    path = tmp_path / "example.toml"
    toymanifold("new", str(path))
    assert outlines(Study.from_toml(path)) == STUDIES["example"]


@pytest.mark.parametrize("name", CELLS)
def test_a_key_is_the_sha_256_of_its_spec(name):
    for cell in CELLS[name]:
        assert cell["key"] == hashlib.sha256(cell["spec"].encode()).hexdigest()


# Problem, prior and parameters with Python and numpy types, by the equal learner of the study `spellings`.
IN_PYTHON = {
    "net in lists, weight_decay=1e-05": (
        {"problem": "sphere", "params": {"radius": np.float64(4.47213595499958), "ambient_dimension": np.int8(5)}},
        {"estimator": "net", "prior": ("polar",)},
        {"checkpoints": [(2, 4)], "bias": np.bool_(False), "width": np.array([8]), "weight_decay": [1 / 100_000]},
    ),
    "net of defaults": (
        {"problem": "spiral", "params": {"turns": np.float32(4), "flip_probability": -0.0, "nuisance_scale": 0}},
        {"estimator": "net", "prior": None},
        {"width": 64, "dropout": -0.0, "checkpoints": [()]},
    ),
    "MLP": (
        {"problem": "modular", "params": {"test_fraction": 0.5, "operation": np.str_("multiply"), "modulus": 7}},
        {"estimator": "sklearn.neural_network:MLPClassifier"},
        {"alpha": np.int64(1), "hidden_layer_sizes": [np.array([32, 32])]},
    ),
}


@pytest.mark.parametrize("learner", IN_PYTHON)
def test_python_and_numpy_values_are_equal_to_those_of_toml(learner):
    problem, estimator, params = IN_PYTHON[learner]
    study = Study(
        name="python",
        question="?",
        seeds=1,
        sizes=[50],
        metrics=["accuracy"],
        problems={"p": problem},
        learners={"l": {**estimator, "params": params}},
    )
    (cell,) = [cell for cell in CELLS["spellings"] if cell["learner"] == learner]
    assert [planned.cell.key for planned in plan_study(study)] == [cell["key"]]
