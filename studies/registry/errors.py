"""Errors in the description of a study: their place, what is allowed, and the nearest name."""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
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
    """Return a path in dotted form, with long keys cut: ``questions[0].ask``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{cut(toml_key(part))}" for part in path)
    return "".join(parts).removeprefix(".")


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """Return the line of the key at `path`, or of the innermost table or key that contains it.

    None if it is not found: there is no such key, or the text sets it in a way that needs a full parser.

    Parameters
    ----------
    lines : mapping of path to int
        From `lines_of`.
    path : path
    """
    return next((lines[path[:k]] for k in range(len(path), 0, -1) if path[:k] in lines), None)


def lines_of(text: str) -> dict[Path, int]:
    """Return the lines, counted from 1, of the tables and keys of a TOML text."""
    lines: dict[Path, int] = {}
    tables: Counter[Path] = Counter()  # entries so far of each array of tables
    here: Path = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            *outer, last = _split(header[2])
            here = (*_full_path(outer, tables), last)
            if header[1] == "[[":
                tables[here] += 1
                here = (*here, tables[here] - 1)
            lines.setdefault(here, number)
        elif key := _KEY.match(line):
            lines.setdefault((*here, *_split(key[1])), number)
    return lines


def _full_path(keys: list[str], tables: Counter[Path]) -> Path:
    """Return the path of `keys`, where the name of an array of tables stands for its last entry."""
    path: Path = ()
    for key in keys:
        path = (*path, key)
        if path in tables:
            path = (*path, tables[path] - 1)
    return path


def _split(names: str) -> list[str]:
    """Return the parts of a dotted key."""
    if not {'"', "'"} & set(names):
        return [part.strip() for part in names.split(".")]
    try:
        parsed: Any = tomllib.loads(f"{names} = 0")
    except ValueError:
        return [names]
    parts = []
    while isinstance(parsed, dict):
        ((part, parsed),) = parsed.items()
        parts.append(part)
    return parts


_COMPARED, _LISTED = 200, 60  # known names that are compared with an unknown one, and that are printed
_MOST = 20  # issues that are printed

_ISSUE = "issue"  # pydantic's type of the errors that `raise_issues` raises
_MISSING = "is missing"
_MESSAGES = {  # by pydantic's type of error; its context fills the braces
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
    """A study's description is invalid; the message has one line for each error."""


class Issue(NamedTuple):
    """An error in a description: its path, a message, and the value received."""

    at: Path
    message: str
    value: Any


def unknown(kind: str, name: str, known: Collection[str], owner: str = "") -> str:
    """Return the message on an unknown name, with the nearest known one and all of them.

    Parameters
    ----------
    kind : str
        What the name should be: "estimator".
    name : str
    known : collection of str
    owner : str, default=""
        What the known names belong to: "the study".
    """
    near = difflib.get_close_matches(name, list(known)[:_COMPARED], n=1)
    hint = f"did you mean {near[0]!r}? Known" if near else "known"
    names = ", ".join(map(repr, list(known)[:_LISTED])) or "none"
    names += f" and {len(known) - _LISTED:,} more" if len(known) > _LISTED else ""
    return f"unknown {kind} {short_repr(name)}{owner and f' of {owner}'}; {hint}: {names}"


def short_repr(value: Any) -> str:
    """Return the repr of a value, cut to 80 characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of thousands of digits; a list of thousands of levels
        return f"{type(value).__name__} too large to print"
    return cut(text)


def cut(text: str, most: int = 80) -> str:
    """Return the beginning of a text, with an ellipsis if it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def exception_text(error: BaseException) -> str:
    """Return the type and the message of an exception; foreign ones can raise anything when they are asked."""
    name = type.__getattribute__(type(error), "__name__")
    try:
        return f"{name}: {error}"
    except BaseException:
        return f"{name}: its text cannot be made"


def raise_issues(issues: Iterable[Issue]) -> None:
    """Raise a pydantic `ValidationError` if there are any issues; within a validator, their paths extend its own."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError(_ISSUE, "{message}", {"message": issue.message}), loc=issue.at, input=issue.value
        )
        for issue in issues
    ]
    if details:
        raise ValidationError.from_exception_data("study", details)


def issues_of(error: ValidationError, model: type[BaseModel]) -> list[Issue]:
    """Return the errors that pydantic found in `model`, with this project's messages."""
    return [Issue(found["loc"], _message(found, model), found["input"]) for found in error.errors(include_url=False)]


def _message(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == _ISSUE:
        return error["msg"]
    if kind == "extra_forbidden" and len(error["loc"]) == 1:
        return unknown("key", str(error["loc"][0]), model.model_fields)
    limits = {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in context.items()}
    return _MESSAGES[kind].format(**limits) if kind in _MESSAGES else error["msg"]


def format_issues(issues: Iterable[Issue], source: str, text: str = "") -> str:
    """Return one line for each of the first `_MOST` issues, in the order of the text, and the number of the others.

    Parameters
    ----------
    issues : iterable of Issue
    source : str
        Name of what was read, such as a file.
    text : str, default=""
        The TOML text, from which the line numbers come.
    """
    known = lines_of(text)
    found = [(line_of(known, issue.at), issue) for issue in issues]
    found.sort(key=lambda pair: (pair[0] is None, pair[0] or 0))
    lines = [f"{source}{'' if line is None else f':{line}'}: {_sentence(issue)}" for line, issue in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(f"{source}: and {len(found) - _MOST:,} more errors")
    return "\n".join(lines).encode("utf-8", "backslashreplace").decode()


def _sentence(issue: Issue) -> str:
    sentence = f"{dotted(issue.at) or 'study'}: {issue.message}"
    if issue.message == _MISSING or "Got " in issue.message:
        return sentence
    return f"{sentence}. Got {short_repr(issue.value)}."
