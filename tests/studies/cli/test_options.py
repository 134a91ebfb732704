"""What the commands print."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from studies.cli.options import PrintableConsole, printable


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("net, width=16\n\tµ 日本 🙂", "net, width=16\n\tµ 日本 🙂"),
        ("\x1b[2J\x07\r", r"\x1b[2J\x07\r"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("a\u202eb\u2066c\u061c", r"a\u202eb\u2066c\u061c"),
        ("half \udc80", r"half \udc80"),
    ],
)
def test_control_characters_are_escaped(text, printed):
    assert printable(text) == printed


@given(st.text(st.characters() | st.characters(max_codepoint=0xA0)))
def test_a_console_prints_no_control_character(text):
    console = PrintableConsole(file=io.StringIO(), width=1000, markup=False, emoji=False)
    table = Table("heading", title=text)
    table.add_row(text)
    console.print(text)
    console.print(table)
    printed = console.file.getvalue()
    assert printable(printed) == printed
