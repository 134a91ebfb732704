from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies import SpecError, Study, built_in
from studies.spec import Sizes


def test_built_in_studies_are_read_and_named_after_their_files():
    library = Path(__file__).parents[2] / "studies" / "library"
    assert set(built_in()) == {path.stem for path in library.glob("*.toml")}
    assert "prior-vs-data" in built_in()


@given(st.integers(2, 1000), st.integers(0, 4), st.integers(1, 5))
def test_sizes_reach_from_start_to_stop(start, decades, per_decade):
    sizes = Sizes(start=start, stop=start * 10**decades, per_decade=per_decade).values()
    assert sizes == sorted(set(sizes))
    assert (sizes[0], sizes[-1]) == (start, start * 10**decades)
    assert len(sizes) <= decades * per_decade + 1


def test_sizes_are_even_in_the_logarithm():
    assert Sizes(start=100, stop=10_000).values() == [100, 316, 1000, 3162, 10_000]


def test_a_stop_off_the_grid_is_kept():
    assert Sizes(start=100, stop=500).values() == [100, 316, 500]


def test_quick_is_a_part_of_the_whole():
    from studies import plan_study

    study = built_in()["prior-vs-data"]
    whole, quick = ({p.cell.key for p in plan_study(s)} for s in (study, study.quickened()))
    assert quick < whole


WRONG = {
    "learner": ('[learners.a]\nestimator = "mlp"', "learners.a: .*no estimator is called 'mlp'"),
    "prior": ('[learners.a]\nestimator = "net"\nprior = "spherical"', "learners.a: .*no prior is called 'spherical'"),
    "key": ('colour = 1\n[learners.a]\nestimator = "net"', "colour: Extra inputs are not permitted"),
    "seeds": ('seeds = 0\n[learners.a]\nestimator = "net"', "seeds: Input should be greater than or equal to 1"),
    "problem": (
        '[problem]\nname = "torus"\n[learners.a]\nestimator = "net"',
        "problem: .*no problem is called 'torus'",
    ),
    "none": ("", "learners: Field required"),
    "order": (
        'sizes = {start = 10, stop = 5}\n[learners.a]\nestimator = "net"',
        "sizes: .*stop, 5, lies below start, 10",
    ),
    "toml": ("seeds = ", "Invalid value"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_study_is_refused_with_file_key_and_reason(wrong, tmp_path):
    text, message = WRONG[wrong]
    defaults = {
        "name": '"x"',
        "question": '"?"',
        "seeds": "1",
        "quick": "{seeds = 1, shrink = 1}",
        "sizes": "{start = 10, stop = 50}",
    }
    given_keys = {line.split(" = ")[0] for line in text.splitlines()}
    header = "".join(f"{key} = {value}\n" for key, value in defaults.items() if key not in given_keys)
    path = tmp_path / "wrong.toml"
    path.write_text(header + text)
    with pytest.raises(SpecError, match=f"wrong.toml: {message}"):
        Study.from_toml(path)


def test_all_errors_are_told_at_once(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text('name = "x"\nseeds = 0\n[learners.a]\nestimator = "mlp"\n')
    with pytest.raises(SpecError) as caught:
        Study.from_toml(path)
    lines = str(caught.value).splitlines()
    assert {line.split(": ")[1] for line in lines} == {"seeds", "learners.a", "question", "sizes", "quick"}


def test_a_question_about_an_unknown_learner_is_refused(tiny):
    described = tiny.model_dump()
    described["questions"][0]["a"]["learner"] = "nobody"
    with pytest.raises(ValueError, match="no learner is called 'nobody'"):
        Study.model_validate(described)
