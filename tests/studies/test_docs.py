"""What docs/studies.md says of keys, metrics, problems and learners is what there is."""

import tomllib
from pathlib import Path

import pytest

from estimators import CATALOG, PRIORS
from studies.registry.learners import PACKAGES
from studies.registry.metrics import METRICS
from studies.registry.params import named_parameters, toml_value
from studies.registry.plots import PLOTS
from studies.registry.problems import MAX_DIMENSION, PROBLEMS
from studies.spec.sections import (
    MAX_CELLS,
    MAX_POINTS,
    LearnerSpec,
    PictureSpec,
    Point,
    ProblemSpec,
    Question,
    Quick,
    Sizes,
)
from studies.spec.study import Study

PAGE = (Path(__file__).parents[2] / "docs" / "studies.md").read_text(encoding="utf-8")


def keys(model):
    """The rows of a table of a model's keys."""
    return [
        f"| `{name}` | {default(field)} | {' '.join(field.description.split())} |"
        for name, field in model.model_fields.items()
    ]


def default(field):
    if field.is_required():
        return "needed"
    return f"`{toml_value(field.default)}`" if isinstance(field.default, int) else ""


@pytest.mark.parametrize("model", [Study, ProblemSpec, LearnerSpec, Sizes, Question, Point, PictureSpec, Quick])
def test_every_key_is_in_its_table(model):
    assert "\n".join(["| key | default | |", "|---|---|---|", *keys(model)]) in PAGE


def test_every_metric_is_in_the_table():
    rows = [
        f"| `{name}` | {'yes' if found.default else ''} | {found.function.__doc__} |" for name, found in METRICS.items()
    ]
    assert "\n".join(["| metric | by default | |", "|---|---|---|", *rows]) in PAGE


def test_every_picture_is_in_the_table_of_its_page():
    page = (Path(__file__).parents[2] / "docs" / "pictures.md").read_text(encoding="utf-8")
    rows = [
        f"| `{name}` | {', '.join(f'`{key}`' for key in found.arguments.model_fields)} |"
        for name, found in PLOTS.items()
    ]
    assert "\n".join(["| picture | arguments |", "|---|---|", *rows]) in page
    for block in page.split("```toml\n")[1:]:
        Study.from_dict(tomllib.loads(block.split("```")[0]))


def test_every_problem_is_in_the_table():
    rows = [
        f"| `{name}` | {', '.join(f'`{key}`' for key in named_parameters(build))} |" for name, build in PROBLEMS.items()
    ]
    assert "\n".join(["| problem | params |", "|---|---|", *rows]) in PAGE


@pytest.mark.parametrize(
    "name", [*CATALOG, *PRIORS, *PACKAGES, f"{MAX_CELLS:,}", f"{MAX_POINTS:,}", f"{MAX_DIMENSION:,}"]
)
def test_every_name_and_limit_is_told(name):
    assert f"`{name}`" in PAGE or f" {name} " in PAGE


def test_the_studies_of_the_page_are_studies():
    for block in PAGE.split("```toml\n")[1:]:
        Study.from_dict(tomllib.loads(block.split("```")[0]))
