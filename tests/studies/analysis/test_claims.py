import pandas as pd
import pytest

from studies.analysis.claims import CLAIMS, Claim, check_claims, claims, told
from studies.analysis.intervals import Interval


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(CLAIMS, "_entries", {})
    monkeypatch.setattr(CLAIMS, "_loaded", True)


def test_a_study_is_held_to_its_own_claims(registry):
    @claims("a")
    def check(frame):
        yield Claim("it falls", "A paper", f"{frame['value'].mean()}", frame["value"].mean() < 1)

    frame = pd.DataFrame({"value": [0.25, 0.75]})
    assert check_claims("a", frame) == [Claim("it falls", "A paper", "0.5", True)]
    assert check_claims("b", frame) == []


def test_claims_about_a_study_are_registered_once(registry):
    claims("a")(lambda frame: [])
    with pytest.raises(ValueError, match="'a'"):
        claims("a")(lambda frame: [])


def test_a_verdict_may_be_open():
    assert [Claim("", "", "", holds).verdict for holds in (True, False, None)] == ["seen", "not seen", "undecided"]


def test_intervals_are_told():
    assert told(Interval(0.5, 0.25, 0.75)) == "0.50 [0.25, 0.75]"


def test_claims_are_about_built_in_studies():
    from studies.spec.study import built_in

    assert set(CLAIMS) <= set(built_in())
