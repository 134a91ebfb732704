"""How a description is refused: what is wrong, where, what is allowed, and the nearest name."""

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from studies import toml

_OURS = "refused"
_WORDS = {
    r"^Input should": "must",
    r"a valid (dictionary|mapping).*": "a table",
    r"a valid (tuple|list)": "a list",
    r"^(Dictionary|Tuple) should have": "must have",
    r"^(String|Value) should": "must",
    r"^Field required": "is missing",
}


class SpecError(ValueError):
    """A study's description is not allowed; the message has a line for each thing that is wrong with it."""


class Wrong(NamedTuple):
    """One thing that is not allowed in a description, and where it stands."""

    at: toml.Path
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


def refuse(wrong: Iterable[Wrong]) -> None:
    """Raise pydantic's `ValidationError` if anything is wrong; from within a validator, it goes where that stands."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError(_OURS, "{message}", {"message": found.message}), loc=found.at, input=found.value
        )
        for found in wrong
    ]
    if details:
        raise ValidationError.from_exception_data("study", details)


def reworded(error: ValidationError, model: type[BaseModel]) -> list[Wrong]:
    """Return what a model found wrong, in our words."""
    return [
        Wrong(found["loc"], _message(found["type"], found["msg"], found["loc"], model), found["input"])
        for found in error.errors(include_url=False, include_context=False)
    ]


def _message(kind: str, text: str, at: toml.Path, model: type[BaseModel]) -> str:
    if kind == _OURS:
        return text
    if kind == "extra_forbidden" and len(at) == 1:
        return unknown("key", str(at[0]), model.model_fields)
    for pattern, words in _WORDS.items():
        text = re.sub(pattern, words, text)
    return text


def report(wrong: Iterable[Wrong], source: str, text: str = "") -> str:
    """Return one line for each thing that is wrong, in the order of the text.

    Parameters
    ----------
    wrong : iterable of Wrong
    source : str
        What was read, such as a file.
    text : str, default=""
        Its TOML, in which the lines are looked up.
    """
    found = [(toml.line_of(text, refused.at), refused) for refused in wrong]
    found.sort(key=lambda pair: (pair[0] is None, pair[0] or 0))
    lines = [f"{source}{'' if line is None else f':{line}'}: {_sentence(refused)}" for line, refused in found]
    return "\n".join(lines).encode("utf-8", "backslashreplace").decode()


def _sentence(refused: Wrong) -> str:
    sentence = f"{toml.dotted(refused.at) or 'study'}: {refused.message}"
    if refused.message == _WORDS["^Field required"] or "Got " in refused.message:
        return sentence
    return f"{sentence}. Got {brief(refused.value)}."
