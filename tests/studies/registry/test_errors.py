import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.registry import errors
from studies.registry.params import toml_value

SCALARS = (
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3))

TEXT = """\
name = "x"

[learners."net + polar"]
estimator = "net"
params = { width = 3,
           epochs = 5 }
'a.b' . c = 1

[[questions]]
ask = "?"
[questions.a]
learner = "x"
[[questions]]
a . learner = 1
"""


LINES = errors.lines_of(TEXT)


@given(VALUES)
def test_the_value_in_a_label_is_toml(value):
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value


def test_a_key_is_found_on_its_line():
    lines = {
        ("name",): 1,
        ("learners", "net + polar"): 3,
        ("learners", "net + polar", "estimator"): 4,
        ("learners", "net + polar", "a.b", "c"): 7,
        ("questions", 0, "ask"): 10,
        ("questions", 0, "a", "learner"): 12,
        ("questions", 1, "a", "learner"): 14,
    }
    assert {path: errors.line_of(LINES, path) for path in lines} == lines


def test_a_key_in_an_inline_table_is_on_the_line_of_the_table():
    assert errors.line_of(LINES, ("learners", "net + polar", "params", "epochs")) == 5


def test_a_missing_key_has_the_line_of_its_table_or_none():
    assert errors.line_of(LINES, ("learners", "net + polar", "prior")) == 3
    assert errors.line_of(LINES, ("sizes",)) is None


@given(st.text(alphabet=" []=\"'.a#\n\\{}") | st.text())
def test_any_text_has_lines(text):
    line = errors.line_of(errors.lines_of(text), ("a",))
    assert line is None or 1 <= line <= text.count("\n") + 1


def test_many_issues_are_the_first_ones_and_a_count():
    issues = [errors.Issue((f"x{i}",), "is bad", i) for i in reversed(range(100))]
    lines = errors.format_issues(issues, "x.toml", "".join(f"x{i} = {i}\n" for i in range(100))).splitlines()
    assert lines[0] == "x.toml:1: x0: is bad. Got 0."
    assert lines[20:] == ["x.toml: and 80 more errors"]


def test_of_many_known_names_the_first_are_listed():
    message = errors.unknown("learner", "k7", [f"k{i}" for i in range(1000)])
    assert message.startswith("unknown learner 'k7'; did you mean 'k7'? Known: 'k0', 'k1', ")
    assert message.endswith("'k59' and 940 more")


class MuteError(Exception):
    def __str__(self):
        raise SystemExit


@pytest.mark.parametrize(
    ("error", "text"),
    [(ValueError("why"), "ValueError: why"), (MuteError(), "MuteError: its text cannot be made")],
)
def test_any_exception_has_a_text(error, text):
    assert errors.exception_text(error) == text


def test_a_path_is_written_as_in_toml():
    assert errors.dotted(("questions", 0, "a b", "c")) == 'questions[0]."a b".c'
    assert errors.dotted(("a", "b" * 60_000)) == f"a.{'b' * 77}..."
