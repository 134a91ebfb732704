"""The pages of results say what the results kept beside them say."""

from pathlib import Path

import pandas as pd
import pytest

import studies
from studies.analysis.claims import CLAIMS, check_claims
from studies.spec.study import built_in

RESULTS = Path(studies.__file__).parent.parent / "docs" / "results"
KEPT = sorted(RESULTS.glob("data/*.csv"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_page_of_results_tells_the_claims_as_they_stand_in_the_kept_results(path):
    page = (RESULTS / f"{path.stem}.md").read_text(encoding="utf-8")
    found = check_claims(path.stem, pd.read_csv(path))
    assert found
    for claim in found:
        assert f"| {claim.says} | {claim.source} | {claim.measured} | {claim.verdict} |" in page


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_kept_results_are_small_and_of_every_seed(path):
    assert path.stat().st_size < 300_000
    assert pd.read_csv(path)["seed"].nunique() == built_in()[path.stem].seeds


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_claims_are_silent_about_what_is_not_measured(name, invented):
    frame = invented(name, lambda p: {"mse": 1.0})
    assert check_claims(name, frame[:0]) == check_claims(name, frame[frame["seed"] == 0]) == []


def test_the_selection_of_claims_is_as_they_stand_in_the_kept_results():
    index = (RESULTS / "index.md").read_text(encoding="utf-8")
    rows = index.partition("<!-- claims -->")[2].partition("<!-- end -->")[0].strip().splitlines()[2:]
    told = {
        f"| [{path.stem}]({path.stem}.md) | {c.says} | {c.source} | {c.measured} | {c.verdict} |"
        for path in KEPT
        for c in check_claims(path.stem, pd.read_csv(path))
    }
    assert set(rows) <= told
    assert all(any(f"[{name}]" in row for row in rows) for name in CLAIMS)
