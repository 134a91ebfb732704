"""Registries: named objects of one kind, of which the built-in ones are imported when a name is first looked up."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

Entry = TypeVar("Entry")


class Registry(Mapping[str, Entry]):
    """Objects of one kind by name, in the order in which they were registered.

    Parameters
    ----------
    kind : str
        Name of the kind, for messages.
    *modules : str
        Modules that register the built-in objects when they are imported. They lie in higher layers, so they are named
        here and imported at the first look-up; a program without look-ups does not load them.
    """

    def __init__(self, kind: str, *modules: str) -> None:
        self._kind = kind
        self._modules = modules
        self._loaded = False
        self._entries: dict[str, Entry] = {}
        self._origins: dict[str, tuple[str, str] | None] = {}

    def add(self, name: str, entry: Entry, source: Callable[..., Any] | None = None) -> None:
        """Register an object under a new name.

        A function of the same module and qualified name replaces the old one, as when a cell of a notebook is run
        again.

        Parameters
        ----------
        name : str
        entry : object
        source : callable, optional
            The function that is registered.

        Raises
        ------
        ValueError
            If the name is registered already.
        """
        origin = None if source is None else (source.__module__, source.__qualname__)
        if name in self._entries and (origin is None or self._origins.get(name) != origin):
            raise ValueError(f"the {self._kind} {name!r} is registered already; choose another name")
        self._entries[name], self._origins[name] = entry, origin

    def __getitem__(self, name: str) -> Entry:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Entry]:
        if not self._loaded:
            self._loaded = True  # before the imports, since these modules may look up names themselves
            try:
                for module in self._modules:
                    importlib.import_module(module)
            except BaseException:
                self._loaded = False
                raise
        return self._entries
