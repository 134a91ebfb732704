"""The frozen description of a study, from Python or TOML.

A study is problems x learners x sample sizes x seeds. It consists of plain data and can construct only our problems and
scikit-learn estimators. All errors are reported together, before anything runs.
"""

import codecs
import html
import itertools
import os
import re
import tomllib
import unicodedata
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import tomli_w
from pydantic import Field, PrivateAttr, TypeAdapter, ValidationError, ValidationInfo, field_validator, model_validator

from studies.registry.errors import Issue, SpecError, format_issues, issues_of, raise_issues, short_repr, unknown
from studies.registry.imports import check_found, is_foreign, make_importable
from studies.registry.learners import learner_issues
from studies.registry.metrics import find_metric, supported_metrics, value_names
from studies.registry.objects import Kept
from studies.registry.params import label_without, n_points
from studies.registry.plots import unknown_parts
from studies.registry.problems import AnyProblem, canonical_problem, problem_outline
from studies.spec.references import unknown_references
from studies.spec.sections import (
    BASELINE,
    COLUMNS,
    MAX_CELLS,
    MAX_SAMPLES,
    Count,
    Label,
    LearnerSpec,
    Name,
    Part,
    PictureSpec,
    ProblemSpec,
    Question,
    Quick,
    SampleSizes,
    Size,
    allowed_packages,
    are_known,
    folder_of,
    reduced_params,
)
from toymanifold import DataProblem

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 1_000_000
"""Largest size of a file; the built-in studies have some 3,000 bytes."""

_MOST_PARTS = 20
_DEEP_KEY = re.compile(rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}""")

LIBRARY = resources.files("studies") / "library"
EXAMPLE = resources.files("studies") / "spec" / "example.toml"


def _the_spiral() -> dict[str, ProblemSpec]:
    return {"spiral": ProblemSpec(problem="spiral")}


class Study(Part):
    """Problems x learners x sample sizes x seeds.

    Examples
    --------
    >>> study = Study.from_dict(
    ...     {
    ...         "name": "neighbours",
    ...         "question": "How does the error of kNN fall with data?",
    ...         "sizes": [100, 1000],
    ...         "seeds": 2,
    ...         "learners": {"kNN": {"estimator": "knn", "prior": ["none", "polar"]}},
    ...     }
    ... )
    >>> print(study)
    neighbours: How does the error of kNN fall with data? 8 cells, seeds 0 to 1.
    learner estimator       prior sample sizes
        kNN       knn none, polar   100, 1,000
    """

    name: Name
    """Short name, also of the folder of its pictures: letters, digits, spaces, `.`, `_` and `-`."""

    question: str
    """The question that the study answers; the title of its pictures."""

    about: str = ""
    """The problem and the learners in a few sentences; printed below the question."""

    problems: Annotated[dict[Label, ProblemSpec], Field(min_length=1, default_factory=_the_spiral)]
    """The problems by label; the spiral by default."""

    sizes: SampleSizes
    """Sample sizes from 2 to 10^9: a list or a range."""

    seeds: Count
    """Number of seeds, from 0; a seed fixes the sample and the learner's randomness, so learners are paired."""

    learners: Annotated[dict[Label, LearnerSpec], Field(min_length=1)]
    """The learners by label."""

    metrics: tuple[str, ...] = ()
    """Metrics to measure, from the table below; the default ones by default."""

    gallery: tuple[Size, ...] = ()
    """Sample sizes of which decision regions are drawn, for problems in the plane."""

    questions: tuple[Question, ...] = ()
    """Comparisons to report, on each problem."""

    pictures: tuple[PictureSpec, ...] = ()
    """Pictures to draw in addition to those of every study; see [pictures.md](pictures.md)."""

    quick: Quick = Quick()
    """The reduced study that `--quick` runs."""

    plan: ClassVar[Sequence[Any] | None] = None
    """The first cells of the study, from `studies.spec.cells`, once they were made or found in a store."""

    objects: ClassVar[Mapping[str, Kept]] = {}
    """The objects that the study names, which live as long as it does."""

    folder: ClassVar[str] = ""
    """The folder of the study's file, to which paths of data are relative; empty for the current folder."""

    _allow: tuple[str, ...] = PrivateAttr(())

    def model_post_init(self, context: Any) -> None:
        """Keep the packages allowed by the caller, and the folder of the file; they are not part of the study."""
        self._allow = tuple((context or {}).get("allow", ()))
        self.__dict__["folder"] = str((context or {}).get("folder", ""))

    @property
    def allow(self) -> tuple[str, ...]:
        """Allowed packages in addition to `studies.registry.imports.PACKAGES`."""
        return self._allow

    @property
    def foreign_names(self) -> set[str]:
        """The names of problems, learners, priors and metrics of packages that must be allowed."""
        learners = self.learners.values()
        names = [*(problem.problem for problem in self.problems.values()), *self.metrics]
        names += [name for learner in learners for name in (learner.estimator, *learner.prior)]
        return set(filter(is_foreign, names))

    def use_plan(self, plan: Sequence[Any]) -> None:
        """Keep the first cells of the study, which are not part of it; copies have none."""
        self.__dict__["plan"] = plan

    def use_objects(self, objects: Mapping[str, Kept]) -> None:
        """Keep the objects that the study names, which are not part of it."""
        self.__dict__["objects"] = objects

    def model_copy(self, **options: Any) -> Self:
        """Return a copy, as in pydantic."""
        copied = super().model_copy(**options)
        copied.__dict__.pop("plan", None)
        return copied

    @field_validator("learners")
    @classmethod
    def _check_learners(cls, learners: dict[str, LearnerSpec], info: ValidationInfo) -> dict[str, LearnerSpec]:
        problems, allow = info.data.get("problems", {}), allowed_packages(info)
        unsuitable = [] if are_known(info) else _learner_issues(learners, problems, allow, folder_of(info))
        raise_issues([*_duplicate_labels(learners), *unsuitable])
        return learners

    @field_validator("metrics")
    @classmethod
    def _check_metrics(cls, metrics: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not are_known(info):
            allow, problems = allowed_packages(info), info.data.get("problems", {})
            built = _built(problems.values(), allow, folder_of(info))
            raise_issues(_metric_issues(metrics, built, allow))
        return metrics

    @classmethod
    def _unknown_references(cls, data: Any) -> list[Issue]:
        return unknown_references(data)

    @model_validator(mode="after")
    def _check_consistency(self, info: ValidationInfo) -> Self:
        of_problems = [] if are_known(info) else [*_row_issues(self), *_picture_issues(self)]
        raise_issues([*_too_many_cells(self), *_size_issues(self), *_quick_issues(self), *of_problems])
        return self

    @classmethod
    def from_dict(cls, described: Any, *, allow: str | Iterable[str] = ()) -> Self:
        """Read a study from plain data.

        Parameters
        ----------
        described : dict
            Plain data, and numpy's numbers and arrays.
        allow : str or iterable of str, default=()
            Allowed packages of estimators in addition to `studies.registry.learners.PACKAGES`.

        Raises
        ------
        SpecError
            If the data do not describe a study: one line for each error.
        """
        return cls._read(described, _packages(allow), "study")

    @classmethod
    def from_toml(
        cls, path: str | os.PathLike[str] | Traversable, *, allow: str | Iterable[str] = (), known: bool = False
    ) -> Self:
        """Read a study from a TOML file.

        Parameters
        ----------
        path : path-like
        allow : str or iterable of str, default=()
            As in `from_dict`. A package that is not installed may lie beside the file: the folder is then appended to
            ``sys.path``, as its last entry.
        known : bool, default=False
            Do not import and check the learners, since the plan of the study is known.

        Raises
        ------
        SpecError
            If the file cannot be read, is not TOML, or does not describe a study: one line for each error.
        """
        file = Path(path) if isinstance(path, str | os.PathLike) else path
        text = _text(file)
        try:
            described = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise SpecError(f"{path}: is not TOML: {error}{_invisible(text)}") from error
        packages, folder = _packages(allow), ""
        if isinstance(file, Path):
            folder = str(file.absolute().parent)
            make_importable(Path(folder), packages)
            check_found(() if known else packages)
        return cls._read(described, packages, str(path), text, folder=folder, known=known)

    @classmethod
    def _read(
        cls,
        described: Any,
        allow: tuple[str, ...],
        source: str,
        text: str = "",
        *,
        folder: str = "",
        known: bool = False,
    ) -> Self:
        try:
            return cls.model_validate(described, context={"allow": allow, "folder": folder, "known": known})
        except ValidationError as error:
            raise SpecError(format_issues(issues_of(error, cls), source, text)) from error
        except RecursionError as error:
            raise SpecError(f"{source}: is nested too deeply") from error

    def to_toml(self) -> str:
        """Return the study as TOML, from which `from_toml` makes an equal study."""
        return tomli_w.dumps(self.model_dump(exclude_defaults=True))

    def __str__(self) -> str:
        return f"{self._sentence()}\n{self._table().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._sentence())}</p>{self._table().to_html(index=False)}"

    def _sentence(self) -> str:
        return f"{self.name}: {self.question} {self.n_cells:,} cells, seeds 0 to {self.seeds - 1}."

    def _table(self) -> "pd.DataFrame":
        """Return the learners as a table, one row each."""
        import pandas as pd

        rows = [
            (
                label,
                short_repr(self.objects[spec.estimator].value) if spec.estimator in self.objects else spec.estimator,
                ", ".join(spec.prior),
                ", ".join(f"{n:,}" for n in self.sizes_of(spec)),
            )
            for label, spec in self.learners.items()
        ]
        return pd.DataFrame(rows, columns=["learner", "estimator", "prior", "sample sizes"])

    def sizes_of(self, learner: LearnerSpec) -> tuple[int, ...]:
        """Return the sample sizes of a learner of the study."""
        return tuple(n for n in learner.sizes or self.sizes if n <= (learner.max_samples or MAX_SAMPLES))

    def problems_of(self, learner: LearnerSpec) -> dict[str, ProblemSpec]:
        """Return the problems of a learner of the study, by label."""
        return {
            label: problem
            for label, problem in self.problems.items()
            if learner.problems is None or label in learner.problems
        }

    def baseline_sizes(self, problem: str) -> tuple[int, ...]:
        """Return the sample sizes of the baseline on a problem: all those of the learners there.

        There are none if a learner of the study is called like the baseline.
        """
        if BASELINE in self.learners:
            return ()
        learners = [spec for spec in self.learners.values() if problem in self.problems_of(spec)]
        return tuple(sorted({n for spec in learners for n in self.sizes_of(spec)}))

    @property
    def n_cells(self) -> int:
        """The number of cells of its learners, with equal cells counted separately."""
        return self.seeds * sum(
            n_points(problem.params) * n_points(learner.grid) * len(self.sizes_of(learner))
            for learner in self.learners.values()
            for problem in self.problems_of(learner).values()
        )

    @property
    def n_series(self) -> int:
        """The number of learners and baselines on problems, with each value of their axes."""
        of_learners = sum(
            n_points(problem.params) * n_points(learner.grid)
            for learner in self.learners.values()
            for problem in self.problems_of(learner).values()
        )
        with_baseline = [spec for label, spec in self.problems.items() if self.baseline_sizes(label)]
        return of_learners + sum(n_points(problem.params) for problem in with_baseline)

    @property
    def axes(self) -> list[str]:
        """The names of the columns of the axes in a table of results."""
        of_problems = [next(spec.variants(label)).axes for label, spec in self.problems.items()]
        of_learners = [next(spec.variants(label)).axes for label, spec in self.learners.items()]
        columns = [*itertools.chain(*of_problems), *map(self.column, itertools.chain(*of_learners))]
        return list(dict.fromkeys(columns))

    def column(self, axis: str) -> str:
        """Return the column of a learner's axis: its name, or ``learner_`` and its name if the name is taken."""
        taken = {*COLUMNS, *(key for spec in self.problems.values() for key in spec.params)}
        return f"learner_{axis}" if axis in taken else axis

    def with_seeds(self, seeds: int) -> Self:
        """Return the study with another number of seeds.

        Raises
        ------
        SpecError
            If a description with this number would be invalid.
        """
        changed = self.model_copy(update={"seeds": seeds})
        try:
            _COUNT.validate_python(seeds)
            raise_issues(_too_many_cells(changed))
        except ValidationError as error:
            issues = [issue._replace(at=issue.at or ("seeds",)) for issue in issues_of(error, type(self))]
            raise SpecError(format_issues(issues, self.name)) from error
        return changed

    def reduced(self) -> Self:
        """Return the part of the study that ``--quick`` runs: fewer seeds and values, and no large samples."""
        learners = {}
        for label, learner in self.learners.items():
            sizes = self.sizes_of(learner)
            limit = max(sizes[-1] // self.quick.shrink, sizes[0])
            params = reduced_params(learner.params, self.quick.axes)
            learners[label] = learner.model_copy(update={"max_samples": limit, "params": params})
        problems = {
            label: problem.model_copy(update={"params": reduced_params(problem.params, self.quick.axes)})
            for label, problem in self.problems.items()
        }
        seeds = min(self.seeds, self.quick.seeds)
        return self.model_copy(update={"problems": problems, "learners": learners, "seeds": seeds})


_COUNT = TypeAdapter(Count)


class _BuiltIn(Mapping[str, Study]):
    """The built-in studies by name, each read when it is looked up."""

    def __init__(self) -> None:
        files = sorted((file for file in LIBRARY.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
        self._files = {file.name.removesuffix(".toml"): file for file in files}

    def __getitem__(self, name: str) -> Study:
        return Study.from_toml(self._files[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def built_in() -> Mapping[str, Study]:
    """Return the built-in studies by name.

    Returns
    -------
    studies : mapping of str to Study
        A study is read from its file when it is looked up.

    Examples
    --------
    >>> built_in()["double-descent"].seeds
    10
    """
    return _BuiltIn()


def find_study(name: str, *, allow: str | Iterable[str] = (), known: bool = False) -> Study:
    """Return a built-in study by its name, or the study in a file whose name ends in ``.toml``.

    Parameters
    ----------
    name : str
    allow : str or iterable of str, default=()
    known : bool, default=False
        As in `Study.from_toml`.

    Raises
    ------
    SpecError
        If there is no such study or the file is invalid.
    """
    if name.lower().endswith(".toml"):
        return Study.from_toml(name, allow=allow, known=known)
    studies = built_in()
    if name not in studies:
        raise SpecError(unknown("study", name, list(studies)))
    return studies[name]


def _packages(allow: str | Iterable[str]) -> tuple[str, ...]:
    return (allow,) if isinstance(allow, str) else tuple(allow)


def _text(file: Path | Traversable) -> str:
    """Return the text of a file, with or without a byte order mark.

    Raises
    ------
    SpecError
        If it cannot be read, is too large, or its keys have too many parts, of which `tomllib` takes the square.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
        if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise ValueError("it is in UTF-16 or UTF-32; save it as UTF-8")
        if len(data) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise SpecError(f"{file}: cannot be read: {error}") from error
    if _DEEP_KEY.search(text):
        raise SpecError(f"{file}: cannot be read: a key has more than {_MOST_PARTS} parts")
    return text


def _invisible(text: str) -> str:
    """Return a note on the first invisible character of a text, if there is one."""
    found = next((character for character in text if unicodedata.category(character) == "Cf"), None)
    return f"; it contains the invisible character U+{ord(found):04X} {unicodedata.name(found, '')}" if found else ""


def _built(problems: Iterable[ProblemSpec], allow: Collection[str] = (), folder: str = "") -> Iterator[AnyProblem]:
    for spec in problems:
        for variant in spec.variants(""):
            yield problem_outline(spec.problem, canonical_problem(spec.problem, variant.params, allow, folder), allow)


def _duplicate_labels(learners: Mapping[str, LearnerSpec]) -> Iterator[Issue]:
    seen: set[str] = set()
    for label, learner in learners.items():
        labels = [variant.label for variant in learner.variants(label)]
        for duplicate in {name for name in labels if name in seen or labels.count(name) > 1}:
            yield Issue((label,), "must not share a label with another learner", duplicate)
        seen.update(labels)


def _learner_issues(
    learners: Mapping[str, LearnerSpec], problems: Mapping[str, ProblemSpec], allow: Collection[str], folder: str
) -> Iterator[Issue]:
    kinds = {name: _kinds(spec, allow, folder) for name, spec in problems.items()}
    for label, learner in learners.items():
        learnt = (kinds[name] for name in problems if learner.problems is None or name in learner.problems)
        for problem in {kind: problem for of_one in learnt for kind, problem in of_one.items()}.values():
            issues = learner_issues(
                learner.estimator,
                learner.prior,
                learner.params,
                problem,
                allow,
                prior_params=learner.prior_params,
                search=learner.search.model_dump() if learner.search else None,
            )
            if issues:
                yield from (issue._replace(at=(label, *issue.at)) for issue in issues)
                break


def _kinds(spec: ProblemSpec, allow: Collection[str], folder: str) -> dict[Hashable, AnyProblem]:
    """Return one problem of each kind that the check of a learner can distinguish."""
    return {
        (problem.task, type(problem.target), problem.embedding is None): problem
        for problem in _built([spec], allow, folder)
    }


def _metric_issues(metrics: Iterable[str], problems: Iterator[AnyProblem], allow: Collection[str]) -> Iterator[Issue]:
    unsupported = {}
    for place, name in enumerate(metrics):
        try:
            unsupported[place, name] = find_metric(name, allow).supports
        except ValueError as error:
            yield Issue((place,), str(error), name)
    first = next(problems, None)
    if first is None:
        return
    for problem in itertools.chain([first], problems):  # one at a time, since each can be large
        unsupported = {place: supports for place, supports in unsupported.items() if not supports(problem)}
    for place, name in unsupported:
        yield Issue((place,), "is not defined for any of the problems", name)


def _row_issues(study: Study) -> Iterable[Issue]:
    """Return the sample sizes, of the study or of a learner, that a data set does not have."""
    issues: dict[tuple[str, ...], Issue] = {}
    most = {
        label: min(problem.n_train_rows if isinstance(problem, DataProblem) else MAX_SAMPLES for problem in built)
        for label, spec in study.problems.items()
        for built in [_built([spec], study.allow, study.folder)]
    }
    for label, learner in study.learners.items():
        largest = max(study.sizes_of(learner), default=0)
        allowed = min((most[problem] for problem in study.problems_of(learner)), default=MAX_SAMPLES)
        if largest > allowed:
            own = "max_samples" if learner.max_samples else "sizes" if learner.sizes else None
            at = ("learners", label, own) if own else ("sizes",)
            issues.setdefault(at, Issue(at, f"must be {allowed:,} or less, the number of training rows", largest))
    return issues.values()


def _too_many_cells(study: Study) -> list[Issue]:
    if study.n_cells <= MAX_CELLS:
        return []
    return [Issue((), f"must have {MAX_CELLS:,} cells or fewer", study.n_cells)]


def _size_issues(study: Study) -> Iterator[Issue]:
    """Yield the learners without sample sizes, and the requested sizes that no learner has."""
    sizes = {}
    for label, learner in study.learners.items():
        sizes.update(dict.fromkeys((v.label for v in learner.variants(label)), study.sizes_of(learner)))
        if not study.sizes_of(learner):
            smallest = min(learner.sizes or study.sizes)
            message = f"must be {smallest:,} or more, the smallest sample size"
            yield Issue(("learners", label, "max_samples"), message, learner.max_samples)
    everywhere = sorted(set().union(*sizes.values()))
    for place, n in enumerate(study.gallery):
        if n not in everywhere:
            yield Issue(("gallery", place), f"must be a sample size of the study, one of {everywhere}", n)
    for place, question in enumerate(study.questions):
        if question.worth and question.worth.n_samples is not None:
            shared = sorted(set(sizes[question.worth.prior]) & set(sizes[question.worth.of]))
            if question.worth.n_samples not in shared:
                at = ("questions", place, "worth", "n_samples")
                yield Issue(at, f"must be a sample size of both learners, one of {shared}", question.worth.n_samples)
        for end, point in zip("ab", question.ends, strict=False):
            if point.n_samples not in sizes[point.learner]:
                at = ("questions", place, end, "n_samples")
                allowed = list(sizes[point.learner])
                yield Issue(at, f"must be a sample size of {point.learner!r}, one of {allowed}", point.n_samples)


def _quick_issues(study: Study) -> Iterator[Issue]:
    """Yield the axes of `quick` that the study does not have, and the values that its axes do not have."""
    axes: dict[str, list[Any]] = {}
    for params in (part.params for parts in (study.problems, study.learners) for part in parts.values()):
        for key in [key for key, value in params.items() if isinstance(value, list)]:
            axes.setdefault(key, []).extend(params[key])
    for key, kept in study.quick.axes.items():
        if key not in axes:
            yield Issue(("quick", "axes", key), unknown("axis", key, axes), kept)
        for value in kept if key in axes else ():
            if value not in axes[key]:
                yield Issue(("quick", "axes", key), f"must contain values of the axis, from {axes[key]}", value)


def _picture_issues(study: Study) -> Iterator[Issue]:
    """Yield the parts of the study that pictures name and that do not exist."""
    if not study.pictures:
        return
    learners = [v for label, spec in study.learners.items() for v in spec.variants(label)]
    problems = [v.label for label, spec in study.problems.items() for v in spec.variants(label)]
    along = [label_without(v.label, *point) for v in learners for point in v.axes.items()]
    parts: dict[str, list[Any]] = {
        "learner": list(dict.fromkeys([*study.learners, *(v.label for v in learners), *along])),
        "problem": [*study.problems, *problems],
        "sample size": sorted({n for learner in study.learners.values() for n in study.sizes_of(learner)}),
        "metric": value_names(
            name
            for problem in _built(study.problems.values(), study.allow, study.folder)
            for name in supported_metrics(problem, study.metrics, study.allow)
        ),
        "axis": [*study.axes, "n_samples", "learner"],
    }
    for place, picture in enumerate(study.pictures):
        for issue in unknown_parts(picture.arguments, parts):
            yield issue._replace(at=("pictures", place, *issue.at))
