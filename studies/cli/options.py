"""What all commands share: where they print, how they end, and what their arguments mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from studies.registry.errors import SpecError, unknown
from studies.spec import study as spec
from studies.store.store import Store, StoreError

out = Console(soft_wrap=True, markup=False, emoji=False)  # labels and errors hold brackets and colons
wide = Console(width=1000, markup=False, emoji=False)  # a table is read whole or not at all

RESULTS = Path("toymanifold-results")
DEFAULT_STORE = f"sqlite:///{RESULTS}/results.db"

StudyName = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="A built-in study (see `toymanifold list`), or a file that ends in .toml."),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow", metavar="PACKAGE", help="Let a study use estimators of this package, beyond scikit-learn's and ours."
    ),
]
StoreUrl = Annotated[str, typer.Option("--store", help="Results database, as a SQLAlchemy URL.")]


def study_named(name: str, allow: list[str] | None = None) -> spec.Study:
    """Return the built-in study of a name, or that of a file, or end the command saying what is wrong."""
    try:
        if name.endswith(".toml"):
            return spec.Study.from_toml(Path(name), allow=allow or ())
        studies = spec.built_in()
    except SpecError as error:
        fail(str(error))
    if name not in studies:
        fail(unknown("study", name, studies))
    return studies[name]


@contextmanager
def opened(url: str, *, must_exist: bool = False) -> Iterator[Store]:
    """Open a store; whatever goes wrong with it until it is closed ends the command with one line."""
    try:
        with Store(url, must_exist=must_exist) as store:
            yield store
    except StoreError as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """End the command with an error."""
    Console(stderr=True, soft_wrap=True, markup=False, emoji=False).print(f"error: {message}", highlight=False)
    raise typer.Exit(2)
