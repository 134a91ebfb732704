"""Parameters of a study as plain data, in which a list is an axis.

A builder's signature names its parameters and decides which spellings are equal: an int where the annotation is a float
becomes that float, and a parameter at its default is left out.
"""

import functools
import inspect
import itertools
import json
import math
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Builder = Callable[..., Any]

_INTS = range(-(2**63), 2**63)  # those of TOML


def plain(value: Any) -> Any:
    """Return `value` in the types of TOML: tuples and arrays become lists.

    Raises
    ------
    ValueError
        If it contains anything but strings, bools, 64-bit ints, finite floats, lists, and mappings with string keys.
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
        raise ValueError("must have strings as keys")
    name: str = plain(key)
    return name


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def without_numpy(value: Any) -> Any:
    """Return `value` with numpy's numbers and arrays, wherever they are in tables and lists, as Python's."""
    match value:
        case np.generic() | np.ndarray():
            return value.tolist()
        case list() | tuple():
            return [without_numpy(item) for item in value]
        case Mapping():
            return {key: without_numpy(item) for key, item in value.items()}
    return value


def canonical(value: Any) -> str:
    """Return plain data as JSON with sorted keys, so that equal data have equal texts."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


@functools.cache
def named_parameters(builder: Builder) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function or class that can be given by name.

    Those of an estimator that takes any keywords, such as xgboost's, are the ones that its `get_params` returns.
    """
    parameters = inspect.signature(builder).parameters
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    listed = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)
        for name, value in _listed(builder).items()
    }
    return {**listed, **{name: parameter for name, parameter in parameters.items() if parameter.kind in named}}


def is_open(builder: Builder) -> bool:
    """Return whether an estimator takes any keywords."""
    kinds = [parameter.kind for parameter in inspect.signature(builder).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds and hasattr(builder, "get_params")


def _listed(builder: Builder) -> dict[str, Any]:
    if not is_open(builder):
        return {}
    try:
        listed: dict[str, Any] = builder().get_params(deep=False)
    except BaseException:  # foreign code, which is constructed again by the check of the study
        return {}
    return {name: value for name, value in listed.items() if name.isidentifier()}


def canonical_params(builder: Builder, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return `params` in one spelling: ints as floats where `builder` wants floats, and without defaults."""
    known = named_parameters(builder)
    given = {name: _cast(value, known[name].annotation) if name in known else value for name, value in params.items()}
    return {name: value for name, value in given.items() if name not in known or not _equal(value, known[name].default)}


def _cast(value: Any, annotation: Any) -> Any:
    kinds = typing.get_args(annotation) or (annotation,)
    wants_float = float in kinds and int not in kinds
    return float(value) if wants_float and type(value) is int else value


def _equal(value: Any, default: Any) -> bool:
    try:
        return canonical(value) == canonical(default)
    except (TypeError, ValueError):  # a default that is not plain data
        return False


def n_points(params: Mapping[str, Any]) -> int:
    """Return the number of points in the grid of `params`."""
    return math.prod(len(value) for value in params.values() if isinstance(value, list))


class Variant(NamedTuple):
    """A point of a grid of parameters."""

    label: str
    """Label with the values of the axes: "net, width=16"."""
    axes: dict[str, Any]
    """Values of the axes of two or more values."""
    params: dict[str, Any]
    """All parameters, with one value each."""


def variants(label: str, params: Mapping[str, Any]) -> Iterator[Variant]:
    """Yield the points of the grid of `params`, in which each list is an axis; the first axis varies slowest."""
    axes = {name: value for name, value in params.items() if isinstance(value, list)}
    for values in itertools.product(*axes.values()):
        point = dict(zip(axes, values, strict=True))
        varied = {name: value for name, value in point.items() if len(axes[name]) > 1}
        parts = [label, *(f"{name}={format_value(value)}" for name, value in varied.items())]
        yield Variant(", ".join(parts), varied, {**params, **point})


def label_without(label: str, name: str, value: Any) -> str:
    """Return a variant's label without the value of one of its axes."""
    return label.replace(f", {name}={format_value(value)}", "", 1)


def joined(words: Sequence[str]) -> str:
    """Return words as a list in a sentence.

    Examples
    --------
    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def format_value(value: Any) -> str:
    """Return the value of an axis in the form of labels."""
    return value if isinstance(value, str) else toml_value(value)


def toml_value(item: Any) -> str:
    """Return a value as TOML, on one line."""
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
    """Return a key as TOML, in quotes where they are needed."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)
