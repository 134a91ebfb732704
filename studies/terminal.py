"""What all commands share: where they print, how they end, and what their arguments mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from studies import spec
from studies.store import Store, StoreError

out = Console(soft_wrap=True)
wide = Console(width=max(out.width, 130))  # a table is read whole or not at all

RESULTS = Path("toymanifold-results")
DEFAULT_STORE = f"sqlite:///{RESULTS}/results.db"

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="A built-in study; `toymanifold list` names them.")]
StoreUrl = Annotated[str, typer.Option("--store", help="Results database, as a SQLAlchemy URL.")]


def study_named(name: str) -> spec.Study:
    """Return the study of a name, or end the command saying which there are."""
    studies = spec.built_in()
    if name not in studies:
        fail(f"no study is called {name!r}; there are {', '.join(map(repr, studies))}")
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
    Console(stderr=True, soft_wrap=True).print(f"error: {message}", markup=False, highlight=False)
    raise typer.Exit(2)
