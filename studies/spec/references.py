"""Unknown references in a description that is not checked yet: labels of learners and problems not defined in it."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from studies.registry.errors import Issue, unknown
from studies.registry.params import plain, variants
from studies.spec.sections import MAX_POINTS, PRIOR_AXIS, as_list


def unknown_references(data: Any) -> list[Issue]:
    """Return the references in a study's unchecked `data` to undefined labels."""
    described = data if isinstance(data, Mapping) else {}
    return [*_unknown_problems(described), *_unknown_learners(described)]


def _unknown_problems(described: Mapping[str, Any]) -> Iterator[Issue]:
    problems = described.get("problems", {"spiral": None})
    for label, learner in _items(described.get("learners")):
        for place, name in enumerate(_list(_get(learner, "problems"))):
            if isinstance(name, str) and isinstance(problems, Mapping) and name not in problems:
                yield Issue(("learners", label, "problems", place), unknown("problem", name, problems), name)


def _unknown_learners(described: Mapping[str, Any]) -> Iterator[Issue]:
    labels = {name for label, learner in _items(described.get("learners")) for name in _labels(label, learner)}
    for place, question in enumerate(_list(described.get("questions"))):
        for end, key in (("a", "learner"), ("b", "learner"), ("worth", "prior"), ("worth", "of")):
            name = _get(_get(question, end), key)
            if isinstance(name, str) and name not in labels:
                yield Issue(("questions", place, end, key), unknown("learner", name, sorted(labels)), name)


def _labels(label: str, learner: Any) -> set[str]:
    """Return the labels of a learner, which may contain other errors."""
    prior = ["none" if name is None else name for name in as_list(_get(learner, "prior"))]
    of_prior = {f"{PRIOR_AXIS}{key}": value for key, value in _items(_get(learner, "prior_params"))}
    try:
        params = plain({"prior": prior, **of_prior, **dict(_items(_get(learner, "params")))})
    except ValueError:
        return {label}
    return {variant.label for variant in itertools.islice(variants(label, params), MAX_POINTS)} or {label}


def _get(thing: Any, key: str) -> Any:
    return thing.get(key) if isinstance(thing, Mapping) else getattr(thing, key, None)


def _items(thing: Any) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in thing.items() if isinstance(key, str)] if isinstance(thing, Mapping) else []


def _list(thing: Any) -> list[Any]:
    return list(thing) if isinstance(thing, list | tuple) else []
