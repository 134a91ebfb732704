"""Hypothesis tries the same examples for everybody, unless a fuzzing run asks for others."""

import sys
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def drawn():
    examples = []

    @given(st.floats() | st.integers())
    def draw(example):
        examples.append(example)

    draw()
    return repr(examples)  # of which nan equals itself


def test_examples_are_the_same_whatever_else_is_imported(tmp_path, monkeypatch):
    if not settings().derandomize:
        pytest.skip("a profile was asked for whose examples differ")
    before = drawn()
    other = ModuleType("other")
    other.__file__ = str(tmp_path / "other.py")
    (tmp_path / "other.py").write_text(f"CONSTANTS = {[7.03 * i + 1000 for i in range(100)]}")
    monkeypatch.setitem(sys.modules, "other", other)
    assert drawn() == before
