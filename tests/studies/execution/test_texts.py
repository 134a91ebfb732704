import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.execution.texts import KEPT_BYTES, Excerpt, cut


@given(st.lists(st.integers(0, 3 * KEPT_BYTES), max_size=6))
def test_an_excerpt_is_the_beginning_and_the_end_however_the_text_arrives(sizes):
    text = bytes(65 + index % 26 for index in range(sum(sizes)))
    excerpt = Excerpt()
    for index, size in enumerate(sizes):
        start = sum(sizes[:index])
        excerpt.add(text[start : start + size])
    left_out = len(text) - 2 * KEPT_BYTES
    middle = f"\n... {left_out:,} bytes left out ...\n".encode() if left_out > 0 else b""
    expected = text[:KEPT_BYTES] + middle + text[KEPT_BYTES:][-KEPT_BYTES:]
    assert str(excerpt) == expected.decode()


@pytest.mark.parametrize(
    ("text", "expected"), [("", ""), ("é" * 1001, "é" * 1001), ("\udc80 \0", r"\udc80 \x00"), ("a\tb\n", "a\tb\n")]
)
def test_short_texts_stay_as_they_are_but_for_what_cannot_be_stored(text, expected):
    assert cut(text) == expected
