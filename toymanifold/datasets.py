"""Problems of finitely many rows: a data set, or the pool of a generator in scikit-learn's manner.

Some rows are held out as the test set. A training sample is the head of the other rows in an order drawn by its seed,
so samples are nested, and none of them depends on other sizes or seeds.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toymanifold.graphs import check_graph
from toymanifold.protocols import TASKS, UNLABELLED, SamePickles
from toymanifold.streams import Split, as_seed, stream
from toymanifold.validation import check_choice, check_integer, check_real, check_seed, error_message

if TYPE_CHECKING:
    from scipy import sparse

_MOST_TEST_ROWS = 50_000
"""Rows of the test set of a generator's pool; of a pool of less than four times as many, a quarter."""

_POOL_SEED = 0
"""Seed by which the test rows of a pool are drawn, since some generators return rows sorted by class."""


@dataclass(frozen=True, eq=False)
class DataProblem(SamePickles):
    """Finitely many labelled rows, some of them held out; made by `from_data` or `from_generator`.

    The labels of other points are unknown, so target, density and embedding are None; no row is without a label.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_rows, dimension)
        All rows, of any dtypes.
    y : ndarray of shape (n_rows,)
        Labels: int64 codes of `classes`, or float64 values.
    is_test : ndarray of bool, of shape (n_rows,)
        Mask of the held-out rows.
    classes : tuple or None
        Original labels in the order of their codes; None for regression.
    is_stratified : bool, default=False
        Draw samples in which each class has its share to within one row.
    graph : csr_array of shape (n_rows, n_rows) or None, default=None
        Weights of the edges of a graph whose nodes are the rows, for learners that take one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from toymanifold import DataProblem
    >>> problem = DataProblem.from_data(*load_iris(return_X_y=True))
    >>> X, y = problem.sample(30, random_state=0)
    >>> problem.task, problem.n_train_rows, X.shape, np.bincount(y)
    ('classification', 113, (30, 4), array([10, 10, 10]))
    """

    X: Any
    y: NDArray[Any]
    is_test: NDArray[np.bool_]
    classes: tuple[Any, ...] | None
    is_stratified: bool = False
    graph: "sparse.csr_array | None" = None

    target: ClassVar[None] = None
    density: ClassVar[None] = None
    embedding: ClassVar[None] = None
    n_unlabelled: ClassVar[int] = 0

    _added = ("graph",)

    @classmethod
    def from_data(
        cls,
        X: Any,
        y: ArrayLike,
        *,
        graph: Any = None,
        test: float | ArrayLike = 0.25,
        task: str | None = None,
        random_state: Any = 0,
    ) -> Self:
        """Make a problem of a data set.

        Samples and, unless they are given, the test rows are stratified by class.

        Parameters
        ----------
        X : pandas.DataFrame or array-like of shape (n_rows, dimension)
            Columns, dtypes, missing values and categories are kept as they are.
        y : array-like of shape (n_rows,)
            Labels: strings, bools, ints or floats. With a graph -1 is not a class, as it marks a node without a label.
        graph : sparse matrix, array-like or None, default=None
            An undirected graph of the rows, for learners that take one: a symmetric sparse adjacency matrix
            (n_rows, n_rows) of weights, or an edge_index (2, n_edges) as in PyTorch Geometric, with each edge in both
            directions. Such a learner is fitted on all rows, of which those of the sample have labels.
        test : float or array-like of bool, of shape (n_rows,), default=0.25
            Share of the rows to hold out, in (0, 1), or the mask of the held-out rows.
        task : {"classification", "regression"} or None, default=None
            Kind of labels. None is regression if a label is a float that is not integral, as in scikit-learn's
            ``type_of_target``, else classification.
        random_state : int, RandomState, Generator or None, default=0
            Seed by which a share of the rows is drawn.

        Returns
        -------
        problem : DataProblem

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid, a label is missing, the labels of the training rows are all equal, or a class
            has a single row.
        """
        owner = "DataProblem.from_data"
        table = _check_table(X, owner)
        labels, classes = _check_labels(y, len(table), task, owner)
        if isinstance(test, int | float | np.integer | np.floating):
            share = check_real(test, "test", owner, low=0, high=1, closed="()")
            rng = stream(as_seed(random_state, owner), Split.TEST)
            order = _drawn_order(labels, max(1, int(share * len(labels))), rng, stratified=classes is not None)
            is_test = np.zeros(len(labels), dtype=bool)
            is_test[order] = True
        else:
            is_test = _check_mask(test, len(labels), owner)
        if (labels[~is_test] == labels[~is_test][0]).all():
            given = f"{np.count_nonzero(~is_test)} training rows of one value"
            raise ValueError(error_message("y", owner, "of two values at least in the training rows", given))
        if graph is not None and classes is not None and {UNLABELLED, str(UNLABELLED)}.intersection(classes):
            allowed = f"of a label in each row, other than {UNLABELLED}, which marks a node without one"
            raise ValueError(error_message("y", owner, allowed, f"the classes {list(classes)}"))
        adjacency = None if graph is None else check_graph(graph, len(labels), owner)
        return cls(table, labels, is_test, classes, is_stratified=classes is not None, graph=adjacency)

    @classmethod
    def from_generator(
        cls,
        make_x: Callable[..., Any],
        *,
        pool: int = 200_000,
        problem_seed: int = 0,
        task: str | None = None,
        **params: Any,
    ) -> Self:
        """Make a problem of a generator in scikit-learn's manner.

        In scikit-learn ``random_state`` draws the problem as well as its points. So the generator is called once, for a
        pool of rows, from which all samples are drawn without replacement. The test set are 50,000 rows of the pool,
        or a quarter of a pool of less than 200,000 rows; they are drawn by seed 0, whatever `problem_seed` is.

        Parameters
        ----------
        make_x : callable
            Generator. It is called as ``make_x(n_samples=pool, random_state=problem_seed, **params)`` and returns X and
            y.
        pool : int, default=200_000
            Number of rows, at least 4.
        problem_seed : int, default=0
            Seed of the generator.
        task : {"classification", "regression"} or None, default=None
            Kind of labels, as in `from_data`.
        **params
            Further arguments of the generator.

        Returns
        -------
        problem : DataProblem

        Raises
        ------
        TypeError, ValueError
            If an argument or what the generator returns is invalid.

        Examples
        --------
        >>> from sklearn.datasets import make_moons
        >>> problem = DataProblem.from_generator(make_moons, pool=1000, noise=0.1)
        >>> problem.n_train_rows, problem.n_test_rows
        (750, 250)
        """
        owner = "DataProblem.from_generator"
        check_integer(pool, "pool", owner, low=4)
        check_seed(problem_seed, "problem_seed", owner)
        for name, own in (("n_samples", "pool"), ("random_state", "problem_seed")):
            if name in params:
                raise TypeError(error_message(name, owner, f"given as {own!r}", params[name]))
        X, y = _check_returned(make_x(n_samples=pool, random_state=problem_seed, **params), pool, owner)
        labels, classes = _check_labels(y, pool, task, owner)
        is_test = np.zeros(pool, dtype=bool)
        is_test[stream(_POOL_SEED, Split.TEST).permutation(pool)[: min(_MOST_TEST_ROWS, pool // 4)]] = True
        return cls(X, labels, is_test, classes)

    @property
    def dimension(self) -> int:
        """Number of features."""
        return int(self.X.shape[1])

    @property
    def task(self) -> str:
        """Kind of labels: "classification" or "regression"."""
        return "regression" if self.classes is None else "classification"

    @property
    def n_train_rows(self) -> int:
        """Number of rows from which training samples are drawn."""
        return int(np.count_nonzero(~self.is_test))

    @property
    def n_test_rows(self) -> int:
        """Number of held-out rows."""
        return int(np.count_nonzero(self.is_test))

    def sample(self, n_samples: int, random_state: Any = None, *, split: str = "train") -> tuple[Any, NDArray[Any]]:
        """Draw labelled rows without replacement.

        Samples are nested: with one int seed, the first m rows of a sample of n are the sample of m.

        Parameters
        ----------
        n_samples : int
            Number of rows, at least 1 and at most those of the split.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the order of the rows. An int gives the same sample every time; a RandomState or Generator is
            advanced.
        split : {"train", "test"}, default="train"
            Rows to draw from.

        Returns
        -------
        X : ndarray or pandas.DataFrame of shape (n_samples, dimension)
            Rows.
        y : ndarray of shape (n_samples,)
            Labels: int64 codes of `classes`, or float64 values.
        """
        return self._rows(self.sample_rows(n_samples, random_state, split=split))

    def sample_rows(self, n_samples: int, random_state: Any = None, *, split: str = "train") -> NDArray[np.intp]:
        """Return the numbers of the rows that `sample` draws, which has the same parameters."""
        owner = "DataProblem.sample"
        which = Split[check_choice(split, "split", owner, ("train", "test")).upper()]
        rows = np.flatnonzero(self.is_test == (which is Split.TEST))
        n_samples = check_integer(n_samples, "n_samples", owner, low=1, high=len(rows))
        rng = stream(as_seed(random_state, owner), which)
        return rows[_drawn_order(self.y[rows], n_samples, rng, stratified=self.is_stratified)]

    def test(self) -> tuple[Any, NDArray[Any]]:
        """Return X and y of all held-out rows, in the order of the data."""
        return self._rows(np.flatnonzero(self.is_test))

    def _rows(self, rows: NDArray[np.intp]) -> tuple[Any, NDArray[Any]]:
        return (self.X.iloc[rows] if hasattr(self.X, "iloc") else self.X[rows]), self.y[rows]


def _drawn_order(
    labels: NDArray[Any], n_samples: int, rng: np.random.Generator, *, stratified: bool
) -> NDArray[np.intp]:
    """Return the first `n_samples` indices of a random order."""
    order = rng.permutation(len(labels))
    if stratified:
        return order[_stratified_order(labels[order], n_samples)]
    return order[:n_samples]


def _stratified_order(codes: NDArray[np.int64], n_samples: int) -> NDArray[np.intp]:
    """Return the first `n_samples` indices of an order whose prefixes have each class's share to within one row.

    Row j of a class with share w comes at the places from floor(j / w) to ceil((j + 1) / w) - 1. Of the rows that may
    come at a place, the one whose places end first is taken, which meets all ends (Baruah et al., Proportionate
    progress, Algorithmica 1996).
    """
    n_rows, counts = len(codes), np.bincount(codes)[codes]
    rank = np.empty(n_rows, dtype=np.int64)
    rank[np.argsort(codes, kind="stable")] = np.concatenate([np.arange(n) for n in np.bincount(codes)])
    first, end = rank * n_rows // counts, -((rank + 1) * -n_rows // counts)
    arrivals = np.argsort(first, kind="stable")
    coming = zip(first[arrivals].tolist(), end[arrivals].tolist(), arrivals.tolist(), strict=True)
    waiting: list[tuple[int, int]] = []
    order, following = [], next(coming, None)
    for place in range(n_samples):
        while following is not None and following[0] <= place:
            heapq.heappush(waiting, following[1:])
            following = next(coming, None)
        order.append(heapq.heappop(waiting)[1])
    return np.array(order, dtype=np.intp)


def _check_table(X: Any, owner: str) -> Any:
    """Return a table of rows: a DataFrame as it is, anything else as an array."""
    if hasattr(X, "toarray"):
        raise TypeError(error_message("X", owner, "a DataFrame or a dense array", f"a sparse {type(X).__name__}"))
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(error_message("X", owner, "a DataFrame or an array without a mask", "a masked array"))
    table = X if hasattr(X, "iloc") else np.asarray(X)
    if table.ndim != 2 or 0 in table.shape:
        allowed = "a table (n_rows, n_features) with a row and a feature at least"
        raise ValueError(error_message("X", owner, allowed, f"shape {table.shape}"))
    return table


def _check_labels(
    y: ArrayLike, n_rows: int, task: str | None, owner: str
) -> tuple[NDArray[Any], tuple[Any, ...] | None]:
    """Return labels as codes, and their classes; or labels as floats, and None."""
    labels = _check_values(y, n_rows, owner)
    if task is None:
        is_integral = labels.dtype.kind != "f" or bool((labels == np.rint(labels)).all())
        task = "classification" if is_integral else "regression"
    if check_choice(task, "task", owner, TASKS) == "regression":
        if labels.dtype.kind not in "biuf":
            raise ValueError(error_message("y", owner, "numbers for regression", f"label {labels[0]!s}"))
        values = labels.astype(np.float64)
        if (values == values[0]).all():
            raise ValueError(error_message("y", owner, "of two values at least", f"{values[0]} in every row"))
        return values, None
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    names = classes.tolist()
    if len(names) == 1:
        raise ValueError(error_message("y", owner, "of two classes at least", f"{names[0]!r} in every row"))
    if counts.min() == 1:
        allowed = "of two rows at least of each class (for numbers, task='regression' has no classes)"
        raise ValueError(error_message("y", owner, allowed, f"one row of {names[counts.argmin()]!r}"))
    return codes.astype(np.int64), tuple(names)


def _check_values(y: ArrayLike, n_rows: int, owner: str) -> NDArray[Any]:
    """Return labels as a 1-d array of strings, bools, ints or finite floats."""
    if isinstance(y, np.ma.MaskedArray):
        raise TypeError(error_message("y", owner, "an array without a mask", "a masked array"))
    labels = np.asarray(y, dtype=None if hasattr(y, "dtype") else object)  # a list's nan or number stays what it is
    if labels.shape != (n_rows,):
        allowed = f"of shape ({n_rows},), one label for each row of X"
        raise ValueError(error_message("y", owner, allowed, f"shape {labels.shape}"))
    if missing := [row for row, label in enumerate(labels.tolist()) if _is_missing(label)]:
        given = f"{labels[missing[0]]!s} in {len(missing)} of {n_rows} rows, first in row {missing[0]}"
        raise ValueError(error_message("y", owner, "without missing labels", given))
    objects = labels.dtype.kind == "O"
    if objects and any(all(isinstance(label, kind) for label in labels) for kind in (str, Real | np.bool_)):
        labels = np.array(labels.tolist())
    if labels.dtype.kind not in "biufUT":
        given = ", ".join(sorted({type(label).__name__ for label in labels})) if objects else str(labels.dtype)
        raise TypeError(error_message("y", owner, "all strings, or all bools, ints or floats", given))
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(error_message("y", owner, "of finite numbers", "an infinite one"))
    return labels


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas.NA is neither true nor false
        return True


def _check_mask(test: ArrayLike, n_rows: int, owner: str) -> NDArray[np.bool_]:
    """Return the mask of the test rows."""
    allowed = f"a float in (0, 1) or a mask of {n_rows} bools, some True and some False"
    try:
        mask = np.asarray(test)
    except ValueError as error:  # a test set (X, y), for instance
        raise TypeError(error_message("test", owner, allowed, f"a {type(test).__name__}: {error}")) from error
    if mask.dtype != bool:
        raise TypeError(error_message("test", owner, allowed, f"dtype {mask.dtype}"))
    if mask.shape != (n_rows,):
        raise ValueError(error_message("test", owner, allowed, f"shape {mask.shape}"))
    if mask.all() or not mask.any():
        raise ValueError(error_message("test", owner, allowed, f"{mask[0]} in every row"))
    return mask


def _check_returned(returned: Any, pool: int, owner: str) -> tuple[Any, Any]:
    """Return the table and the labels that a generator has returned."""
    if not isinstance(returned, tuple) or len(returned) != 2:
        given = f"a tuple of {len(returned)}" if isinstance(returned, tuple) else f"a {type(returned).__name__}"
        raise TypeError(error_message("make_x", owner, "a generator that returns (X, y)", given))
    X = _check_table(returned[0], owner)
    if len(X) != pool:
        raise ValueError(error_message("make_x", owner, f"a generator of {pool} rows for pool={pool}", len(X)))
    return X, returned[1]
