"""Errors in the description of a study: where they are, what is allowed, and the nearest name."""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from studies.registry.params import toml_key

Path = tuple[str | int, ...]

_NAME = r"""(?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_NAMES = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_NAMES})\s*\]")
_KEY = re.compile(rf"\s*({_NAMES})\s*=")


def dotted(path: Path) -> str:
    """Return a path as one writes it: ``questions[0].ask``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{toml_key(part)}" for part in path)
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


_OURS = "refused"
_MISSING = "is missing"
_MESSAGES = {  # by pydantic's type of error, filled in with its context
    "bool_type": "must be true or false",
    "dict_type": "must be a table",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than_equal": "must be {ge} or more",
    "int_from_float": "must be an int",
    "int_parsing": "must be an int",
    "int_type": "must be an int",
    "less_than_equal": "must be {le} or less",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "mapping_type": "must be a table",
    "missing": _MISSING,
    "model_attributes_type": "must be a table",
    "model_type": "must be a table",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_long": "must have {max_length} or fewer characters",
    "string_type": "must be a string",
    "too_long": "must have {max_length} or fewer items",
    "too_short": "must have {min_length} or more items",
    "tuple_type": "must be a list",
}


class SpecError(ValueError):
    """A study's description is not allowed; the message has a line for each thing that is wrong with it."""


class Issue(NamedTuple):
    """One thing that is not allowed in a description, and where it stands."""

    at: Path
    message: str
    value: Any


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """Return the message about a name that nobody has: the nearest that somebody has, and all of them."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? There are" if near else "there are"
    return f"no {what} is called {brief(name)}; {hint} {', '.join(map(repr, known)) or 'none'}"


def brief(value: Any) -> str:
    """Return what a value looks like, cut short."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of thousands of digits; a list of thousands of levels
        return f"{type(value).__name__} too large to print"
    return text if len(text) <= 80 else f"{text[:77]}..."


def refuse(wrong: Iterable[Issue]) -> None:
    """Raise pydantic's `ValidationError` if anything is wrong; from within a validator, it goes where that stands."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError(_OURS, "{message}", {"message": found.message}), loc=found.at, input=found.value
        )
        for found in wrong
    ]
    if details:
        raise ValidationError.from_exception_data("study", details)


def reworded(error: ValidationError, model: type[BaseModel]) -> list[Issue]:
    """Return the errors that pydantic found in a model, in the words of this project."""
    return [Issue(found["loc"], _message(found, model), found["input"]) for found in error.errors(include_url=False)]


def _message(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == _OURS:
        return error["msg"]
    if kind == "extra_forbidden" and len(error["loc"]) == 1:
        return unknown("key", str(error["loc"][0]), model.model_fields)
    return _MESSAGES[kind].format(**context) if kind in _MESSAGES else error["msg"]


def report(wrong: Iterable[Issue], source: str, text: str = "") -> str:
    """Return one line for each thing that is wrong, in the order of the text.

    Parameters
    ----------
    wrong : iterable of Issue
    source : str
        What was read, such as a file.
    text : str, default=""
        Its TOML, in which the lines are looked up.
    """
    found = [(line_of(text, refused.at), refused) for refused in wrong]
    found.sort(key=lambda pair: (pair[0] is None, pair[0] or 0))
    lines = [f"{source}{'' if line is None else f':{line}'}: {_sentence(refused)}" for line, refused in found]
    return "\n".join(lines).encode("utf-8", "backslashreplace").decode()


def _sentence(refused: Issue) -> str:
    sentence = f"{dotted(refused.at) or 'study'}: {refused.message}"
    if refused.message == _MISSING or "Got " in refused.message:
        return sentence
    return f"{sentence}. Got {brief(refused.value)}."
