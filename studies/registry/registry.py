"""Registries: named objects of one kind, of which the built-in ones are imported when a name is first looked up."""

import importlib
from collections.abc import Iterator, Mapping
from typing import TypeVar

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

    def add(self, name: str, entry: Entry) -> None:
        """Register an object under a new name."""
        if name in self._entries:
            raise ValueError(f"the {self._kind} {name!r} is registered already")
        self._entries[name] = entry

    def __getitem__(self, name: str) -> Entry:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Entry]:
        if not self._loaded:
            self._loaded = True  # before the imports, since these modules may look up names themselves
            for module in self._modules:
                importlib.import_module(module)
        return self._entries
