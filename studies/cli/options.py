"""Shared parts of the commands: consoles, options, studies and stores, and the end with an error."""

from __future__ import annotations

import os
import re
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

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


out = PrintableConsole(soft_wrap=True, markup=False, emoji=False)  # labels and errors contain brackets and colons
wide = PrintableConsole(width=1000, markup=False, emoji=False)  # for tables, which must not be wrapped or cut
err = PrintableConsole(stderr=True, soft_wrap=True, markup=False, emoji=False, highlight=False)


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
Jobs = Annotated[int | None, typer.Option(min=1, help="Workers on this machine; by default one for each core.")]
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
    except SpecError as error:
        if known:  # all errors together
            return study_named(name, allow, quick=quick, seeds=seeds)
        fail(str(error))
    study = study.reduced() if quick else study
    return study.model_copy(update={"seeds": seeds}) if seeds else study


@contextmanager
def opened(url: str, *, must_exist: bool = False) -> Iterator[Store]:
    """Open a store; an error of it ends the command with one line, and damaged cells are named in one."""
    from studies.store.store import DamageWarning, LostError, Store, StoreError

    try:
        with warnings.catch_warnings(), Store(url, must_exist=must_exist) as store:
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


@contextmanager
def opened_results(
    name: str, store: str, allow: list[str] | None, *, quick: bool = False, seeds: int | None = None
) -> Iterator[Results]:
    """Open a store with the results of a study; its learners are imported only if the store has no plan of it."""
    from studies.results.plans import find_plan, keep_plan
    from studies.results.results import Results

    study = study_named(name, allow, quick=quick, seeds=seeds, known=True)
    with opened(store, must_exist=True) as stored:
        if not find_plan(study, stored):
            study = study_named(name, allow, quick=quick, seeds=seeds)
            keep_plan(study, stored)
        yield Results(study, stored)


def write_text(path: Path, text: str) -> None:
    """Write a file, or end the command with an error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {path}: {os.strerror(error.errno or 0)}")


def fail(message: str, *, exit_code: int = 2) -> NoReturn:
    """End the command with an error."""
    err.print(f"error: {message}")
    raise typer.Exit(exit_code)
