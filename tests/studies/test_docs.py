"""What docs/studies.md and docs/pictures.md say of keys, metrics, plots, problems and learners is what there is."""

import runpy
import tomllib
from pathlib import Path

import pytest

from estimators import CATALOG, PRIORS
from studies.registry.imports import PACKAGES
from studies.registry.problems import MAX_DIMENSION
from studies.spec.sections import MAX_CELLS, MAX_POINTS
from studies.spec.study import Study

DOCS = Path(__file__).parents[2] / "docs"
STUDIES = (DOCS / "studies.md").read_text(encoding="utf-8")
PICTURES = (DOCS / "pictures.md").read_text(encoding="utf-8")


def test_tables_are_those_of_the_code():
    """Where this fails: python docs/tables.py."""
    rewritten = runpy.run_path(str(DOCS / "tables.py"))["rewritten"]
    assert rewritten(STUDIES) == STUDIES
    assert rewritten(PICTURES) == PICTURES


@pytest.mark.parametrize(
    "name", [*CATALOG, *PRIORS, *PACKAGES, f"{MAX_CELLS:,}", f"{MAX_POINTS:,}", f"{MAX_DIMENSION:,}"]
)
def test_every_name_and_limit_is_on_the_page(name):
    assert f"`{name}`" in STUDIES or f" {name} " in STUDIES


@pytest.mark.parametrize("page", [STUDIES, PICTURES], ids=["studies", "pictures"])
def test_the_studies_of_the_page_are_studies(page):
    for block in page.split("```toml\n")[1:]:
        Study.from_dict(tomllib.loads(block.split("```")[0]))
