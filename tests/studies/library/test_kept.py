"""The pages of results have the claims and verdicts of the results kept beside them."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

import studies
from studies.analysis.claims import CLAIMS, check_claims
from studies.spec.study import built_in

RESULTS = Path(studies.__file__).parent.parent / "docs" / "results"
KEPT = sorted(RESULTS.glob("data/*.csv"))
STUDIES = sorted({check.study for check in CLAIMS.values()})


@pytest.fixture(scope="module")
def keep():
    """Return docs/results/keep.py, which writes the pages, as a module."""
    spec = importlib.util.spec_from_file_location("keep", RESULTS / "keep.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", [*STUDIES, "index"])
def test_the_claims_of_a_page_are_up_to_date(keep, name):
    page = RESULTS / f"{name}.md"
    assert keep.updated(page) == page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["WORTHS", "PRIORS"])
def test_the_worths_of_priors_are_up_to_date(keep, name):
    page = getattr(keep, name)
    assert keep.updated(page) == page.read_text(encoding="utf-8")


def test_every_study_with_claims_is_kept_and_in_the_index(keep):
    selected = keep._SELECTED.findall(keep.INDEX.read_text(encoding="utf-8"))
    assert {*STUDIES} <= {path.stem for path in KEPT}
    assert sorted({study for study, _ in selected}) == STUDIES


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_kept_results_are_small_and_of_every_seed(path):
    n_seeds = built_in()[path.stem].seeds
    assert path.stat().st_size < 35_000 * max(10, n_seeds)
    assert pd.read_csv(path)["seed"].nunique() == n_seeds


@pytest.mark.parametrize("name", STUDIES)
def test_claims_are_silent_about_what_is_not_measured(name, invented):
    frame = invented(name, lambda p: {"mse": 1.0})
    assert check_claims(name, frame[:0]) == check_claims(name, frame[frame["seed"] == 0]) == []
