"""Problems of finitely many rows: a file, a loader of `sklearn.datasets`, a generator in scikit-learn's manner."""

import functools
import hashlib
import inspect
import re
import stat
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from studies.registry.errors import cut, unknown
from studies.registry.imports import is_generator
from toymanifold import DataProblem
from toymanifold.validation import check_integer, check_real, check_seed, error_message

MAX_BYTES = 2_000_000_000
"""Largest size of a file, and of the content of a compressed one."""

MAX_POOL = 1_000_000
"""Largest number of rows of a pool."""

MAX_NUMBERS = 50_000_000
"""Largest number of rows times features of a pool: 400 MB."""

MAX_SIZE = 5_000
"""Largest int among the parameters of scikit-learn's generators."""

MAX_CLUSTER_SIZE = 1_000_000
"""Largest product of classes, clusters per class and informative features of scikit-learn's generators."""

_CLUSTER_SIZES = ("n_classes", "n_clusters_per_class", "n_informative")
_PROBE = 1_000  # rows that are drawn to count the features
_LONGEST = 500  # characters of a message with text of a file


def data_problem(
    path: str, target: str, *, test: float | str = 0.25, task: str | None = None, sha256: str | None = None
) -> DataProblem:
    """Return the problem of a file with labelled rows.

    Parameters
    ----------
    path : str
        A local file of at most `MAX_BYTES`: ``.csv``, in UTF-8, with commas and a header of different names;
        ``.parquet``, for which pyarrow is needed; or ``.npz``, in which "X" are the features, of shape
        (n_rows, n_features), and no array needs pickle.
    target : str
        Name of the column of the labels; of an array in an NPZ file. In the other files all other columns are features,
        as pandas reads them: with strings, categories and missing values.
    test : float or str, default=0.25
        Share of the rows to hold out, or the name of the column that is True or 1 in these rows and False or 0 in the
        others, which is not a feature.
    task : {"classification", "regression"} or None, default=None
        Kind of labels, as in `DataProblem.from_data`.
    sha256 : str or None, default=None
        SHA-256 that the content must have, as `file_digest` returns it.

    Returns
    -------
    problem : DataProblem

    Raises
    ------
    ValueError
        If the file cannot be read, has another content, or an argument does not fit to it.
    """
    if test == target:
        raise ValueError(error_message("test", "data", f"another column than the target {target!r}", test))
    columns, file = _read(path, sha256), repr(Path(path).name)
    y = _column(columns, target, "target", file)
    is_test = _mask(_column(columns, test, "test", file), test, file) if isinstance(test, str) else test
    try:
        return DataProblem.from_data(_features(columns, (target, test), file), y, test=is_test, task=task)
    except (TypeError, ValueError) as error:
        sources = {"X": ("path", file), "y": ("target", f"{target!r} of {file}")}
        if isinstance(test, str):
            sources["test"] = ("test", f"{test!r} of {file}")
        raise ValueError(cut(_of_file(str(error), sources), _LONGEST)) from error


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal digits.

    Raises
    ------
    ValueError
        If it is not a file that `data_problem` takes.
    """
    with _open(path) as file:
        return _digest(file)


def _digest(file: BinaryIO) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _refusal(allowed: str, path: object) -> ValueError:
    return ValueError(error_message("path", "data", allowed, path))


def _open(path: str | Path) -> BinaryIO:
    """Return a local file, opened in binary."""
    if not isinstance(path, str | Path) or Path(path).suffix.lower() not in _READERS:
        raise _refusal(f"the path of a file that ends in {', '.join(_READERS)}", str(path))
    try:
        status = Path(path).stat()  # before it is opened, since opening a pipe waits
        if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
            return Path(path).open("rb")
        reason = f"{status.st_size:,} bytes" if stat.S_ISREG(status.st_mode) else "not a file"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    raise _refusal(f"a local file of at most {MAX_BYTES:,} bytes that can be read", f"{path}: {reason}")


def _read(path: str | Path, sha256: str | None) -> Any:
    """Return the columns of a file by name: a data frame, or a dict of arrays."""
    with _open(path) as file:
        suffix = Path(path).suffix.lower()
        if sha256 is not None and (found := _digest(file)) != sha256:
            raise _refusal(f"the file with the SHA-256 {sha256}", f"{path}, which has {found}")
        file.seek(0)
        try:
            return _READERS[suffix](file)
        except Exception as error:  # readers raise many types for a damaged file
            text = cut(" ".join(str(error).split()) or type(error).__name__, _LONGEST)
            raise _refusal(f"a {suffix} file that can be read", f"{path}: {text}") from error


def _read_csv(file: BinaryIO) -> Any:
    import pandas as pd  # here, since most studies need none of it

    read: Callable[..., Any] = functools.partial(pd.read_csv, encoding="utf-8-sig", compression=None, index_col=False)
    names = read(file, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0]
    if names.duplicated().any():  # pandas would rename it, and a second column of labels would be a feature
        raise ValueError(f"two columns are named {names[names.duplicated()].iloc[0]!r}")
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more fields than the header
        return read(file, low_memory=False)


def _read_parquet(file: BinaryIO) -> Any:
    if find_spec("pyarrow") is None:
        raise ImportError("Parquet needs pyarrow; install it with: pip install 'toymanifold[parquet]'")
    from pyarrow import Table
    from pyarrow.parquet import ParquetFile

    content = ParquetFile(file)
    groups = [content.metadata.row_group(k) for k in range(content.num_row_groups)]
    _check_content(
        max(
            sum(group.total_byte_size for group in groups), 8 * content.metadata.num_rows * content.metadata.num_columns
        )
    )
    batches, n_bytes = [], 0
    for batch in content.iter_batches(_batch_rows(groups)):  # values of a dictionary take memory in each row
        n_bytes += batch.nbytes
        _check_content(n_bytes)
        batches.append(batch)
    table = Table.from_batches(batches, content.schema_arrow)
    table.validate(full=True)  # strings that are not UTF-8 would fail later
    return table.to_pandas()


def _batch_rows(groups: Iterable[Any]) -> int:
    """Return a number of rows that take a tenth of `MAX_BYTES` at most, however large one value is."""
    largest = max((group.total_byte_size for group in groups), default=0)
    return min(65_536, max(1, MAX_BYTES // 10 // max(1, largest)))


def _read_npz(file: BinaryIO) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        _check_content(sum(member.file_size for member in archive.infolist()))
    file.seek(0)
    with np.load(file, allow_pickle=False) as loaded:
        arrays = dict(loaded)
    for name, array in arrays.items():
        if array.itemsize == 0:  # of which a small file can have any number
            raise ValueError(f"the items of the array {name!r} are empty")
    return arrays


def _check_content(n_bytes: int) -> None:
    if n_bytes > MAX_BYTES:
        raise ValueError(f"its content takes {n_bytes:,} bytes, more than {MAX_BYTES:,}")


_READERS: dict[str, Callable[[BinaryIO], Any]] = {".csv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}


def _column(columns: Any, name: Any, parameter: str, file: str) -> Any:
    if not isinstance(name, str):
        raise ValueError(error_message(parameter, "data", "the name of a column", name))
    if name not in columns:
        known = unknown("column", name, [*map(str, columns)], file)
        raise ValueError(cut(f"The {parameter!r} parameter of data must name a column: {known}", _LONGEST))
    return columns[name]


def _mask(column: Any, name: str, file: str) -> NDArray[np.bool_]:
    values = np.asarray(column)
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        allowed = f"a share of the rows or a column of {file} in which each value is True or False, 1 or 0"
        raise ValueError(error_message("test", "data", allowed, name))
    return values == 1


def _features(columns: Any, others: tuple[Any, ...], file: str) -> Any:
    if isinstance(columns, dict):
        return _column(columns, "X", "path", file)
    return columns.drop(columns=[name for name in others if isinstance(name, str)])


def _of_file(message: str, sources: Mapping[str, tuple[str, str]]) -> str:
    """Return an error of `DataProblem.from_data` as one of the parameter of data from which its argument came."""
    named = re.match(r"The '(\w+)' parameter of DataProblem\.from_data", message)
    if named is None or named[1] not in sources:
        return message
    parameter, source = sources[named[1]]
    return f"The {parameter!r} parameter of data ({source}){message[named.end() :]}"


@dataclass(frozen=True)
class LoaderBuilder:
    """Builder of the problem of a loader of `sklearn.datasets`.

    Parameters
    ----------
    load : callable
        One of `studies.registry.imports.LOADERS`.
    """

    load: Callable[..., Any]

    def __call__(self, test: float = 0.25) -> DataProblem:
        """Return the problem of which a share of the rows is the test set."""
        check_real(test, "test", self.load.__name__, low=0, high=1, closed="()")
        loaded = self.load()
        task = "classification" if "target_names" in loaded else "regression"
        return DataProblem.from_data(loaded.data, loaded.target, test=test, task=task)


class GeneratorBuilder:
    """Builder of the problem of a generator's pool; its signature is the generator's, with the size and seed of a pool.

    Parameters
    ----------
    make_x : callable
        Generator in scikit-learn's manner: ``make_x(n_samples, ..., random_state)`` returns X and y.

    Raises
    ------
    ValueError
        If it does not take these arguments by name, or has one that the builder adds.
    """

    def __init__(self, make_x: Callable[..., Any]) -> None:
        self.make_x = make_x
        own = _keywords(inspect.signature(make_x))
        added = _keywords(inspect.signature(self.__call__))
        if not {"n_samples", "random_state"} <= own.keys():
            raise ValueError(f"{make_x.__name__} must have the parameters n_samples and random_state")
        if both := own.keys() & added.keys():
            raise ValueError(f"{make_x.__name__} must have no parameter {min(both)!r}, which a problem adds")
        kept = [parameter for name, parameter in own.items() if name not in ("n_samples", "random_state")]
        self.__signature__ = inspect.Signature([*kept, *added.values()])

    def __call__(
        self, *, pool: int = 200_000, problem_seed: int = 0, task: str | None = None, **params: Any
    ) -> DataProblem:
        """Return the problem of a pool of rows, which is drawn after a smaller one that shows how large it will be."""
        owner = self.make_x.__name__
        check_integer(pool, "pool", owner, low=4, high=MAX_POOL)
        check_seed(problem_seed, "problem_seed", owner)
        for name, own in (("n_samples", "pool"), ("random_state", "problem_seed")):
            if name in params:
                raise TypeError(error_message(name, owner, f"given as {own!r}", params[name]))
        if is_generator(self.make_x):
            _check_sizes(params, owner)
        make_x = functools.partial(self.make_x, **params)
        n_features = _n_features(make_x(n_samples=min(pool, _PROBE), random_state=problem_seed), owner)
        if pool * n_features > MAX_NUMBERS:
            allowed = f"at most {MAX_NUMBERS // n_features:,} for {n_features:,} features"
            raise ValueError(error_message("pool", owner, allowed, pool))
        return DataProblem.from_generator(make_x, pool=pool, problem_seed=problem_seed, task=task)


def _keywords(signature: inspect.Signature) -> dict[str, inspect.Parameter]:
    """Return the parameters that can be given by name, as those that must."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = [parameter for parameter in signature.parameters.values() if parameter.kind in named]
    return {parameter.name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters}


def _check_sizes(params: Mapping[str, Any], owner: str) -> None:
    """Raise if the arrays with which a generator of scikit-learn begins would be large."""
    sizes = {name: value for name, value in params.items() if isinstance(value, int)}
    for name, size in sizes.items():
        if size > MAX_SIZE:
            raise ValueError(error_message(name, owner, f"at most {MAX_SIZE:,}", size))
    largest = max(_CLUSTER_SIZES, key=lambda name: sizes.get(name, 1))
    if prod(sizes.get(name, 1) for name in _CLUSTER_SIZES) > MAX_CLUSTER_SIZE:
        allowed = f"at most {MAX_CLUSTER_SIZE:,} in a product with the other of {', '.join(_CLUSTER_SIZES)}"
        raise ValueError(error_message(largest, owner, allowed, sizes[largest]))


def _n_features(returned: Any, owner: str) -> int:
    match returned:
        case (X, y) if len(np.shape(X)) == 2 and len(np.shape(y)) == 1:
            return int(np.shape(X)[1])
    given = [np.shape(part) for part in returned] if isinstance(returned, tuple) else type(returned).__name__
    raise TypeError(f"{owner} must return X of shape (n_samples, n_features) and y of shape (n_samples,). Got {given}.")
