"""Parameters as a study gives them: plain data, of which a list is an axis.

What a builder takes is read from its signature, and so is what makes two spellings one: an int where it wants a float
is that float, and a parameter at its default is not given at all.
"""

import functools
import inspect
import itertools
import json
import math
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

Builder = Callable[..., Any]

_INTS = range(-(2**63), 2**63)  # what TOML has


def plain(value: Any) -> Any:
    """Return `value` in the types of TOML: tuples and arrays become lists.

    Raises
    ------
    ValueError
        If it holds anything but strings, bools, 64-bit ints, finite floats, lists, and mappings from strings.
    """
    match value:
        case np.generic() | np.ndarray():
            return plain(value.tolist())
        case bool():
            return value
        case str() if value.isascii() or _is_unicode(value):
            return value
        case int() if value in _INTS:
            return value
        case float() if math.isfinite(value):
            return value + 0.0  # -0.0 is 0.0
        case list() | tuple():
            return [plain(item) for item in value]
        case Mapping():
            return {_plain_key(key): plain(item) for key, item in value.items()}
    raise ValueError("must be a string, a bool, a 64-bit int, a finite float, a list or a table of these")


def _plain_key(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError("must have strings for keys")
    name: str = plain(key)
    return name


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def canonical(value: Any) -> str:
    """Return plain data as JSON, the same for equal data whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


@functools.cache
def accepted(builder: Builder) -> dict[str, inspect.Parameter]:
    """Return the named parameters of a function or class."""
    parameters = inspect.signature(builder).parameters
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: parameter for name, parameter in parameters.items() if parameter.kind in named}


def resolved(builder: Builder, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return `params` in one spelling: ints as floats where `builder` wants those, and nothing at its default."""
    taken = accepted(builder)
    given = {name: _cast(value, taken[name].annotation) for name, value in params.items()}
    return {name: value for name, value in given.items() if not _is(value, taken[name].default)}


def _cast(value: Any, annotation: Any) -> Any:
    kinds = typing.get_args(annotation) or (annotation,)
    wants_float = float in kinds and int not in kinds
    return float(value) if wants_float and type(value) is int else value


def _is(value: Any, default: Any) -> bool:
    try:
        return canonical(value) == canonical(default)
    except TypeError:  # a default that is no plain data
        return False


def n_points(params: Mapping[str, Any]) -> int:
    """Return the number of points of the grid of `params`."""
    return math.prod(len(value) for value in params.values() if isinstance(value, list))


class Variant(NamedTuple):
    """One point of a grid of parameters."""

    label: str
    """Such as "net, width=16"."""
    axes: dict[str, Any]
    """The values of the axes, which have more than one."""
    params: dict[str, Any]
    """With one value for each parameter."""


def variants(label: str, params: Mapping[str, Any]) -> Iterator[Variant]:
    """Yield the points of the grid of `params`, in which each list is an axis; the first axis is the slowest."""
    axes = {name: value for name, value in params.items() if isinstance(value, list)}
    for values in itertools.product(*axes.values()):
        point = dict(zip(axes, values, strict=True))
        varied = {name: value for name, value in point.items() if len(axes[name]) > 1}
        parts = [label, *(f"{name}={format_value(value)}" for name, value in varied.items())]
        yield Variant(", ".join(parts), varied, {**params, **point})


def label_without(label: str, name: str, value: Any) -> str:
    """Return a variant's label without the value of one of its axes."""
    return label.replace(f", {name}={format_value(value)}", "", 1)


def format_value(value: Any) -> str:
    """Return the value of an axis as labels give it."""
    return value if isinstance(value, str) else toml_value(value)


def toml_value(item: Any) -> str:
    """Return one value as TOML, on one line."""
    match item:
        case bool():
            return "true" if item else "false"
        case int() | float():
            return repr(item)
        case str():
            return json.dumps(item, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return f"{{ {', '.join(f'{toml_key(key)} = {toml_value(part)}' for key, part in item.items())} }}"
        case _:
            return f"[{', '.join(map(toml_value, item))}]"


def toml_key(key: str) -> str:
    """Return a key as TOML, in quotes where it needs them."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)
