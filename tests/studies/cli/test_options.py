"""Printed texts and commands, and output that cannot be encoded or written."""

import io
import os
import re
import shlex
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from studies.cli.options import PrintableConsole, built_in_questions, command_line, print_fitting, printable
from studies.store import DEFAULT_STORE

PROGRAM = "from studies.cli.main import app; app()"


def run(*words, **options):
    return subprocess.run([sys.executable, "-c", PROGRAM, *words], text=True, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize(
    ("study", "options", "typed"),
    [
        ("depth", {}, "toymanifold run depth"),
        ("my study.toml", {"quick": True, "seeds": 3}, "toymanifold run 'my study.toml' --quick --seeds 3"),
        ("-x.toml", {"allow": ["a", "b"]}, "toymanifold run ./-x.toml --allow a --allow b"),
        ("x", {"store": "sqlite:///a b.db"}, "toymanifold run x --store 'sqlite:///a b.db'"),
        ("x", {"store": "postgresql+psycopg://me:secret@h/db"}, "run x --store 'postgresql+psycopg://me:***@h/db'"),
        ("a\n\x1bé'.toml", {}, r"toymanifold run $'a\x0a\x1bé\x27.toml'"),
    ],
)
def test_a_command_is_written_as_one_would_type_it(study, options, typed):
    assert command_line("run", study, **{"store": DEFAULT_STORE, **options}).endswith(typed)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_shell_reads_the_words_of_a_printed_command(name):
    line = command_line("run", f"a{name}.toml")
    assert line.isprintable()
    if name.isprintable():
        assert shlex.split(line) == ["toymanifold", "run", f"a{name}.toml"]


def test_bash_reads_a_name_with_control_characters(tmp_path):
    name = "a\n\\b\x1b'c\udcff1.toml"
    words = command_line("run", name).removeprefix("toymanifold run ")
    read = subprocess.run(["bash", "-c", f"printf %s {words}"], stdout=subprocess.PIPE, check=True).stdout
    assert os.fsdecode(read) == name


@pytest.mark.parametrize("name", ["my-study", "my study.toml", "-x.toml", "a\nb.toml", "M.TOML"])
def test_the_printed_command_runs_the_new_study(tmp_path, toymanifold, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    printed = toymanifold("new", "--", name).partition("run it with: toymanifold run ")[2].strip()
    (file,) = tmp_path.iterdir()
    read = subprocess.run(["bash", "-c", f"printf %s {printed}"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert tmp_path / read == file
    assert f"#     toymanifold show {printed}\n" in file.read_text()
    assert "78 cells to do" in toymanifold("run", read, "--dry-run")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_output_that_cannot_be_encoded_is_escaped(encoding, tmp_path):
    """The study's name cannot be encoded, and the ellipsis of the help neither."""
    environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict", "LC_ALL": "C"}
    helped = run("run", "--help", env=environment, stdout=subprocess.PIPE, encoding=encoding)
    unknown = run("show", "Nächste Δ \udcff", env=environment, stdout=subprocess.PIPE, encoding=encoding)
    assert (helped.returncode, helped.stderr, unknown.returncode) == (0, "", 2)
    assert unknown.stderr.startswith("error: unknown study 'N")


def test_a_closed_pipe_ends_the_command_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    ended = run("list", stdout=writer)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.parametrize("words", [["list"], ["--help"], ["list", "--json"]])
def test_a_full_disk_is_one_line(words):
    with open("/dev/full", "w") as full:
        ended = run(*words, stdout=full)
    assert (ended.returncode, ended.stderr) == (2, "error: cannot write the output: No space left on device\n")


@pytest.mark.parametrize(("on_terminal", "printed"), [(True, "one two\n  three\n"), (False, "one two three\n")])
def test_a_paragraph_is_wrapped_on_a_terminal_and_one_line_in_a_pipe(on_terminal, printed, monkeypatch):
    console = PrintableConsole(file=io.StringIO(), width=10, force_terminal=on_terminal)
    monkeypatch.setattr("studies.cli.options.fitting", console)
    print_fitting("one two three")
    assert console.file.getvalue() == printed


@pytest.mark.parametrize("terminal", ["dumb", "unknown", "xterm"])
def test_tables_are_whole_on_any_terminal(terminal):
    environment = {**os.environ, "TERM": terminal, "FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "60"}
    listed = run("list", stdout=subprocess.PIPE, env=environment).stdout
    assert "…" not in listed
    lines = re.sub("\x1b.*?m", "", listed).splitlines()
    assert max(map(len, lines)) <= (80 if terminal in ("dumb", "unknown") else 60)
    words = " ".join(" ".join(lines).split())
    assert all(question in words for question in built_in_questions().values())


def test_in_a_pipe_a_study_is_one_line():
    lines = run("list", stdout=subprocess.PIPE).stdout.splitlines()
    for name, question in built_in_questions().items():
        assert any(line.startswith(name) and question in line for line in lines)


def test_a_notebooks_backend_needs_not_be_installed():
    environment = {**os.environ, "MPLBACKEND": "module://not_installed.backend"}
    ended = run("run", "depth", "--quick", "--dry-run", "--store", "none.db", stdout=subprocess.PIPE, env=environment)
    assert (ended.returncode, ended.stderr) == (0, "")


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
