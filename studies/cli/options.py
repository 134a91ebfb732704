"""Shared parts of the commands: consoles, options, studies and stores, and the end with an error."""

from __future__ import annotations

import errno
import gc
import io
import os
import re
import shlex
import sys
import textwrap
import tomllib
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from studies.store import DEFAULT_STORE

if TYPE_CHECKING:
    from studies.results.results import Results
    from studies.spec.study import Study
    from studies.store.store import Store

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return a text with control characters escaped, so that a terminal prints it and obeys nothing in it.

    These are C0 without tab and newline, C1, marks that change the direction of text, and lone surrogates.
    """
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class PrintableConsole(Console):
    """A console that escapes the control characters of every text, which may come from a store or a foreign learner."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text for printing, with control characters escaped."""
        return super().render_str(printable(text), **options)


# Labels and errors contain brackets and colons; the highlighter takes the square of a word's length.
out = PrintableConsole(soft_wrap=True, markup=False, emoji=False, highlight=False)
# For tables, which must not be wrapped or cut: without a height, rich takes a dumb terminal to be 80 columns wide.
wide = PrintableConsole(width=1000, height=25, markup=False, emoji=False, highlight=False)
# For what fits the terminal: its width, or 80 columns if there is none.
fitting = PrintableConsole(markup=False, emoji=False, highlight=False)
err = PrintableConsole(stderr=True, soft_wrap=True, markup=False, emoji=False, highlight=False)


def print_fitting(part: str | Table) -> None:
    """Print a paragraph or a table within the width of the terminal; in a pipe a paragraph is one line, for `grep`."""
    if isinstance(part, str) and fitting.is_terminal:
        part = textwrap.fill(part, fitting.width, subsequent_indent="  ", break_on_hyphens=False)
    fitting.print(part, soft_wrap=isinstance(part, str))


def print_table(table: Table) -> None:
    """Print a table that folds its texts to the width of the terminal; in a pipe it is as wide as it needs."""
    (fitting if fitting.is_terminal else wide).print(table)


def columns(*headings: str, numbers: Collection[str] = ()) -> Table:
    """Return an empty table without lines, whose texts are folded where they do not fit.

    Parameters
    ----------
    *headings : str
    numbers : collection of str
        Headings of columns that are set to the right and never folded.
    """
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        is_number = heading in numbers
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    return table


class Program(TyperGroup):
    """The whole command: characters that its streams cannot encode are escaped, and a full disk is one line.

    An error of usage repeats words of the command, whose passwords are hidden.
    """

    _words: Sequence[str] = ()

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """Run the command, as `typer.core.TyperGroup.main` does."""
        self._words = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        os.environ["MPLBACKEND"] = "agg"  # figures are files, and a notebook's backend may not be installed here
        try:
            return super().main(args, *more, **options)
        except OSError as error:
            if error.errno not in _UNWRITABLE or error.filename is not None:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the exit
            with suppress(OSError):
                sys.stderr.write(f"error: cannot write the output: {error.strerror}\n")
                sys.stderr.flush()
            sys.exit(2)

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Parse the options of the program itself."""
        with self._hiding_passwords():
            return super().make_context(*args, **options)

    def invoke(self, *args: Any, **options: Any) -> Any:
        """Parse and call a command."""
        with self._hiding_passwords():
            return super().invoke(*args, **options)

    @contextmanager
    def _hiding_passwords(self) -> Iterator[None]:
        try:
            yield
        except _UsageError as error:
            for word in self._words:
                error.message = hidden_in(error.message, word)
            raise


def hidden_in(message: str, word: str) -> str:
    """Return a message that repeats a word of the command, without the word's password."""
    from studies.store.passwords import hide_password

    hidden = hide_password(word)
    return message if hidden == word else message.replace(word, hidden).replace(repr(word), repr(hidden))


_UsageError: Any = typer.BadParameter.__base__  # which Typer does not export

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)


class TableFormat(StrEnum):
    """The file formats of an exported table."""

    CSV = "csv"
    PARQUET = "parquet"


def built_in_questions() -> dict[str, str]:
    """Return the questions of the built-in studies by name, read from the TOML texts only, which is fast."""
    library = resources.files("studies") / "library"
    texts = [file.read_text(encoding="utf-8") for file in library.iterdir() if file.name.endswith(".toml")]
    studies = sorted((tomllib.loads(text) for text in texts), key=lambda study: study["name"])
    return {study["name"]: study["question"] for study in studies}


def complete_study(incomplete: str) -> list[tuple[str, str]]:
    """Return the built-in studies whose names begin with `incomplete`, for the shell's completion."""
    return [item for item in built_in_questions().items() if item[0].startswith(incomplete)]


MAX_JOBS = 4096
"""Largest number of workers on one machine."""

MAX_SECONDS = 1e9
"""Largest duration, which is 31 years."""

StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A built-in study (see `toymanifold list`), or a .toml file.",
        autocompletion=complete_study,
    ),
]
StudyNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STUDY...",
        help="Built-in studies (see `toymanifold list`), or .toml files.",
        autocompletion=complete_study,
    ),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow", metavar="PACKAGE", help="Allow estimators of this package, in addition to scikit-learn and ours."
    ),
]
StoreUrl = Annotated[str, typer.Option("--store", help="Results database: a SQLite file, or a SQLAlchemy URL.")]
Quick = Annotated[bool, typer.Option("--quick", help="A first look: fewer seeds, smaller samples.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Number of seeds, instead of the study's.")]
Jobs = Annotated[
    int | None, typer.Option(min=1, max=MAX_JOBS, help="Workers on this machine; by default one for each core.")
]
_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> float:
    """Return a duration, such as 90s, 10m or 1.5h, in seconds."""
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if parts is None or not 0 < float(parts[1]) <= MAX_SECONDS:
        raise typer.BadParameter(f"must be a positive number with s, m or h, such as 10m. Got {text!r}.")
    return float(parts[1]) * _UNITS[parts[2]]


BudgetTime = Annotated[
    float | None,
    typer.Option(
        "--budget",
        parser=seconds,
        metavar="TIME",
        help="Such as 90s, 10m, 1.5h: cells start if they are predicted to end in this time, one seed after the other.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def study_named(
    name: str, allow: list[str] | None = None, *, quick: bool = False, seeds: int | None = None, known: bool = False
) -> Study:
    """Return the study of a name or file, with the options applied, or end the command with its errors.

    The learners of one whose plan is known are neither imported nor checked.
    """
    from studies.registry.errors import SpecError
    from studies.spec.study import find_study

    try:
        study = find_study(name, allow=allow or (), known=known)
        study = study.reduced() if quick else study
        return study if seeds is None else study.with_seeds(seeds)
    except SpecError as error:
        if known:  # all errors together
            return study_named(name, allow, quick=quick, seeds=seeds)
        fail(hidden_in(str(error), name))


def command_line(
    verb: str,
    study: str,
    *more: str,
    quick: bool = False,
    seeds: int | None = None,
    allow: Sequence[str] | None = None,
    store: str = DEFAULT_STORE,
) -> str:
    """Return a command as one would type it: quoted for the shell, and without a password.

    Parameters
    ----------
    verb : str
        The command: "run".
    study : str
        Name or file of the study.
    *more : str
        Further words, such as "--retry-failed".
    quick, seeds, allow, store
        Options of the command.
    """
    from studies.store.passwords import hide_password

    words = ["toymanifold", verb, f"./{study}" if study.startswith("-") else study]
    words += ["--quick"] if quick else []
    words += ["--seeds", str(seeds)] if seeds else []
    words += [word for package in allow or () for word in ("--allow", package)]
    words += ["--store", hide_password(store)] if store != DEFAULT_STORE else []
    return " ".join(map(quoted, [*words, *more]))


def quoted(word: str) -> str:
    """Return a word as a shell reads it: in quotes where needed, and with control characters as escapes."""
    if word.isprintable():
        return shlex.quote(word)
    plain = (
        c if c.isprintable() and c not in "\\'" else "".join(map(r"\x{:02x}".format, os.fsencode(c))) for c in word
    )
    return f"$'{''.join(plain)}'"


@contextmanager
def opened_to_read(url: str, *, missing_ok: bool = False) -> Iterator[Store]:
    """Open a store as `opened` does, but create none: the default one is empty if missing, with `missing_ok` any."""
    from studies.store.database import parse_url, sqlite_file

    missing = False
    with suppress(ValueError):  # which opening it reports
        path = sqlite_file(parse_url(url))
        missing = path is not None and not path.exists() and (missing_ok or url == DEFAULT_STORE)
    with opened(None if missing else url, must_exist=not (missing or missing_ok)) as store:
        yield store


@contextmanager
def opened(url: str | None, *, must_exist: bool = False) -> Iterator[Store]:
    """Open a store, or an empty one in memory for None, which no name of a store may be.

    An error of it ends the command with one line, and damaged cells are named in one.
    """
    from studies.store.store import DamageWarning, LostError, Store, StoreError

    if url is not None:
        _check_kept(url)
    try:
        with warnings.catch_warnings(), Store(url or "sqlite://", must_exist=must_exist) as store:
            warnings.simplefilter("ignore", DamageWarning)
            try:
                yield store
            finally:
                if store.damaged:
                    err.print(f"warning: {store.damage}")
    except LostError as error:
        fail(str(error), exit_code=1)
    except StoreError as error:
        fail(str(error))


def _check_kept(url: str) -> None:
    from studies.store.database import is_in_memory
    from studies.store.passwords import hide_password

    with suppress(ValueError):  # which opening it reports
        if is_in_memory(url):
            name = hide_password(url)
            fail(f"cannot use the results database {name!r}: it would end with this command. Name a file or a server.")


@contextmanager
def opened_results(
    name: str, store: str, allow: list[str] | None, *, quick: bool = False, seeds: int | None = None
) -> Iterator[Results]:
    """Open a store with the results of a study; its code is imported only if the store has no plan of it."""
    from studies.results.plans import find_plan, keep_plan, register_metrics
    from studies.results.results import Results

    study = study_named(name, allow, quick=quick, seeds=seeds, known=True)
    with opened_to_read(store) as stored:
        if not find_plan(study, stored):
            if study.foreign_names and not allow:
                err.print("note: the store has no plan of this study with its code and files as they are now")
            study = study_named(name, allow, quick=quick, seeds=seeds)
            keep_plan(study, stored)
        register_metrics(study)
        gc.disable()  # what is read lives until the command ends; collections would take a seventh of its time
        try:
            yield Results(study, stored)
        finally:
            gc.enable()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Write files within the context; an error ends the command with one line that names the file."""
    try:
        yield
    except OSError as error:
        fail(f"cannot write {error.filename or path}: {error.strerror or error}")


def write_text(path: Path, text: str) -> None:
    """Write a file, or end the command with an error."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")


def fail(message: str, *, exit_code: int = 2) -> NoReturn:
    """End the command with an error and its exit code: 2 if it cannot be done, 1 if what it ran has failed."""
    err.print(f"error: {message}")
    raise typer.Exit(exit_code)
