"""TOML beyond the standard library's reader: writing it, and the line on which a key stands."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from typing import Any

Path = tuple[str | int, ...]

_NAME = r"""(?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_NAMES = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_NAMES})\s*\]")
_KEY = re.compile(rf"\s*({_NAMES})\s*=")


def dumps(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Return plain data as TOML: values first, then a table for each mapping.

    Parameters
    ----------
    table : mapping
        Of strings, bools, ints, floats, lists and mappings of these.
    path : tuple of str, default=()
        Where the table stands in a larger one.
    """
    lines = [f"{_name(key)} = {value(item)}\n" for key, item in table.items() if not isinstance(item, Mapping)]
    for key, item in table.items():
        if isinstance(item, Mapping):
            header = ".".join(map(_name, (*path, key)))
            lines.append(f"\n[{header}]\n{dumps(item, (*path, key))}")
    return "".join(lines)


def value(item: Any) -> str:
    """Return one value as TOML, on one line."""
    match item:
        case bool():
            return "true" if item else "false"
        case int() | float():
            return repr(item)
        case str():
            return json.dumps(item, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return f"{{ {', '.join(f'{_name(key)} = {value(part)}' for key, part in item.items())} }}"
        case _:
            return f"[{', '.join(map(value, item))}]"


def dotted(path: Path) -> str:
    """Return a path as one writes it: ``questions[0].ask``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_name(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def line_of(text: str, path: Path) -> int | None:
    """Return the line, from 1 on, of the key at `path`, or of the nearest table or key that holds it.

    None if there is none, or the text sets its keys in a way that only a whole parser follows.
    """
    lines = _lines(text)
    return next((lines[path[:k]] for k in range(len(path), 0, -1) if path[:k] in lines), None)


def _lines(text: str) -> dict[Path, int]:
    lines: dict[Path, int] = {}
    tables: Counter[Path] = Counter()  # seen so far of each array of tables
    here: Path = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            *outer, last = _split(header[2])
            here = (*_placed(outer, tables), last)
            if header[1] == "[[":
                tables[here] += 1
                here = (*here, tables[here] - 1)
            lines.setdefault(here, number)
        elif key := _KEY.match(line):
            lines.setdefault((*here, *_split(key[1])), number)
    return lines


def _placed(keys: list[str], tables: Counter[Path]) -> Path:
    """Return the path of `keys`, which in an array of tables mean its latest one."""
    path: Path = ()
    for key in keys:
        path = (*path, key)
        if path in tables:
            path = (*path, tables[path] - 1)
    return path


def _split(names: str) -> list[str]:
    """Return the parts of a dotted key."""
    try:
        parsed: Any = tomllib.loads(f"{names} = 0")
    except ValueError:
        return [names]
    parts = []
    while isinstance(parsed, dict):
        ((part, parsed),) = parsed.items()
        parts.append(part)
    return parts


def _name(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else value(key)
