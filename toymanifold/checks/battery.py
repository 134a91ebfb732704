"""The checks and `check_generator`, which runs them.

A generator is called as ``make_x(n_samples, random_state=..., **params)`` and returns X, or a tuple that begins with X
and the labels (or positions) y. A check raises if the generator fails it, and `SkipTest` if it does not apply.
"""

import copy
import inspect
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import SkipTest

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toymanifold.checks.independence import ranks, require_independent
from toymanifold.checks.results import CheckResult, require, run_check
from toymanifold.validation import check_choice, check_integer, check_real, error_message

_SEEDS = (0, 1, 2**16, 2**31, 2**32 - 1)  # falsy, small, and those that a truncated seed confuses with 0 or 1
_FEW_CLASSES = 20
_PRIME = 97  # rows of a small sample, which cannot be divided evenly among classes, arms or blocks

_CHILD = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
make, n_samples, arguments = pickle.load(sys.stdin.buffer)
results, sys.stdout = sys.stdout.buffer, sys.stderr
pickle.dump(make(n_samples, **arguments), results)
"""

Parts = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Subject:
    """A generator with its claims; the parameters are those of `check_generator`."""

    make_x: Callable[..., Any]
    params: Mapping[str, Any]
    oracle: Callable[[NDArray[Any]], ArrayLike] | None
    nested: bool
    smallest_share: float | None
    max_samples: int

    @property
    def n_samples(self) -> int:
        """Number of rows of most samples."""
        return min(1000, self.max_samples)

    def call(self, n_samples: Any, random_state: Any = 1, **params: Any) -> Any:
        """Call the generator with copies of the parameters, so that no call can change the arguments of the next."""
        return self.make_x(n_samples, random_state=random_state, **copy.deepcopy({**self.params, **params}))

    def draw(self, n_samples: int | None = None, random_state: Any = 1, **params: Any) -> Parts:
        """Return everything that the generator returns, as a tuple of arrays."""
        return _parts(self.call(self.n_samples if n_samples is None else n_samples, random_state, **params))

    def needs_noise(self) -> None:
        """Skip the check if the generator has no ``noise`` parameter or raises for it with these params."""
        try:
            has_noise = "noise" in inspect.signature(self.make_x).parameters
        except (TypeError, ValueError) as error:  # of a callable written in C
            raise SkipTest(f"the generator's parameters are unknown: {error}") from error
        if not has_noise:
            raise SkipTest("the generator has no noise parameter")
        try:
            self.call(self.n_samples, noise=0.1)
        except ValueError as error:
            raise SkipTest(f"the generator raises for noise: {error}") from error


def _parts(returned: Any) -> Parts:
    """Return X, y and all further arrays that a generator returns; other objects after y are left out.

    Raises
    ------
    TypeError
        If X or y is not an array of numbers or strings, nor converts to one.
    """
    found = returned if isinstance(returned, tuple) else (returned,)
    if not found:
        raise TypeError("the generator returns an empty tuple")
    arrays = [_as_array(part) for part in found]
    for name, part, array in zip("Xy", found, arrays, strict=False):
        if array is None:
            raise TypeError(f"{name} is a {type(part).__name__}, not an array of numbers or strings")
    return tuple(array for array in arrays if array is not None)


def _as_array(part: Any) -> NDArray[Any] | None:
    """Return a part as an array; None if it is not one of numbers or strings."""
    try:
        array = np.asarray(part)
    except (TypeError, ValueError):  # rows of different lengths
        return None
    readable = array.dtype.kind != "O" or (array.ndim and all(isinstance(value, str) for value in array.flat))
    return array if readable else None


def equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Return True if two arrays have the same dtype, shape and values; nan equals nan."""
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _same(first: Parts, second: Parts) -> bool:
    return len(first) == len(second) and all(map(equal, first, second))


def _accepts(subject: Subject, **arguments: Any) -> bool:
    """Return True if a call succeeds, False if it raises ValueError or TypeError."""
    try:
        subject.call(**{"n_samples": 10, **arguments})
    except (ValueError, TypeError):
        return False
    return True


def _rows(parts: Parts, n_samples: int) -> Parts:
    """Return the parts that have a row for each sample, without centers and the like."""
    return tuple(part for part in parts if part.ndim and len(part) == n_samples)


def _scores(parts: Parts, n_samples: int) -> NDArray[np.float64]:
    """Return the ranks of every column of every part, of shape (n_samples, n_columns)."""
    columns = (column for part in _rows(parts, n_samples) for column in part.reshape(n_samples, -1).T)
    return np.column_stack([ranks(column) for column in columns])


@dataclass(frozen=True)
class _GlobalGenerator:
    name: str
    get_state: Callable[[], Any]
    set_state: Callable[[Any], Any]
    seed: Callable[[int], Any]
    draw: Callable[[], float]


def _global_generators() -> list[_GlobalGenerator]:
    """Return those of the standard library, of numpy, and of torch if it has been imported."""
    legacy = np.random.mtrand._rand  # the RandomState behind np.random.seed and its like
    found = [
        _GlobalGenerator("random", random.getstate, random.setstate, random.seed, random.random),
        _GlobalGenerator("numpy.random", legacy.get_state, legacy.set_state, legacy.seed, legacy.random_sample),
    ]
    if torch := sys.modules.get("torch"):
        cpu = torch.default_generator  # torch.manual_seed would seed the devices too, which are not restored
        found.append(
            _GlobalGenerator(
                "torch",
                cpu.get_state,
                cpu.set_state,
                cpu.manual_seed,
                lambda: float(torch.rand((), generator=cpu, device="cpu")),
            )
        )
    return found


@contextmanager
def _global_generators_restored() -> Iterator[None]:
    before = [(generator, generator.get_state()) for generator in _global_generators()]
    try:
        yield
    finally:
        for generator, state in before:
            generator.set_state(state)


def check_shapes(subject: Subject) -> None:
    """Require X to be a float array of shape (n_samples, n_features) and y to have n_samples rows, odd n too."""
    for n_samples in (subject.n_samples, _PRIME):
        returned = subject.call(n_samples)
        _, *labels = _parts(returned)[:2]
        X = returned[0] if isinstance(returned, tuple) else returned
        require(isinstance(X, np.ndarray), f"X is a {type(X).__name__}, not an ndarray")
        require(X.ndim == 2 and len(X) == n_samples, f"X has shape {X.shape} for n_samples={n_samples}")
        require(np.issubdtype(X.dtype, np.floating), f"X has dtype {X.dtype}")
        for y in labels:
            require(y.shape[:1] == (n_samples,), f"y has shape {y.shape} for n_samples={n_samples}")


def check_finite(subject: Subject) -> None:
    """Require every number to be finite."""
    for part in subject.draw():
        if part.dtype.kind in "fc":
            bad = np.count_nonzero(~np.isfinite(part))
            require(bad == 0, f"{bad} of {part.size} numbers are not finite")


def check_same_seed(subject: Subject) -> None:
    """Require the same arrays twice from one int seed, bit for bit."""
    for seed in _SEEDS:
        first, again = subject.draw(random_state=seed), subject.draw(random_state=seed)
        require(_same(first, again), f"seed {seed} gives two samples")


def check_seeds_bind(subject: Subject) -> None:
    """Require different X from different int seeds."""
    samples = {seed: subject.draw(random_state=seed)[0] for seed in _SEEDS}
    for one, other in ((a, b) for a in _SEEDS for b in _SEEDS if a < b):
        require(not equal(samples[one], samples[other]), f"seeds {one} and {other} give the same X")


def _check_instance(subject: Subject, seeded: Callable[[int], Any]) -> None:
    """Require equal samples from equal states, and another sample from each further draw."""
    instance = seeded(1)
    first, second = subject.draw(random_state=instance), subject.draw(random_state=instance)
    require(_same(first, subject.draw(random_state=seeded(1))), "one state gives two samples")
    require(not _same(first, second), "a second draw from one instance repeats the first")


def check_random_state(subject: Subject) -> None:
    """Require a RandomState to give the same arrays from the same state, and to be advanced by a draw."""
    _check_instance(subject, np.random.RandomState)


def check_generator_instance(subject: Subject) -> None:
    """Require the same of a numpy Generator, unless the generator raises for it."""
    if not _accepts(subject, random_state=np.random.default_rng(1)):
        raise SkipTest("the generator raises for a numpy Generator")
    _check_instance(subject, np.random.default_rng)


def check_bad_random_state(subject: Subject) -> None:
    """Require ValueError or TypeError for an invalid random_state."""
    accepted = [bad for bad in (-1, 1.5, "seed") if _accepts(subject, random_state=bad)]
    require(not accepted, f"accepted random_state: {accepted}")


def check_global_unread(subject: Subject) -> None:
    """Require the sample of an int seed not to depend on a global random generator."""
    generators = _global_generators()

    def draw(other: _GlobalGenerator | None = None) -> Parts:
        """Draw with all global generators in one state, but for one of them."""
        for generator in generators:
            generator.seed(2 if generator is other else 1)
        return subject.draw()

    first = draw()
    if not _same(first, draw()):
        raise SkipTest("the sample changes though the global generators are in one state")
    for generator in generators:
        require(_same(first, draw(generator)), f"the sample depends on the global generator of {generator.name}")


def check_global_unchanged(subject: Subject) -> None:
    """Require a call with an int seed to leave every global random generator as it was."""
    for generator in _global_generators():
        generator.seed(12345)
        expected = generator.draw()
        generator.seed(12345)
        subject.draw()
        require(generator.draw() == expected, f"the call changes the global generator of {generator.name}")


def _fingerprint(value: Any) -> bytes:
    """Return bytes that change with the value; none for a random generator, which is meant to change."""
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return b""
    if hasattr(value, "__array__"):  # a torch tensor does not pickle to the same bytes twice
        return np.asarray(value).tobytes()
    return pickle.dumps(value)


def check_arguments_unchanged(subject: Subject) -> None:
    """Require the objects passed as params to be as they were before the call."""
    if not subject.params:
        raise SkipTest("no params were given")
    given = copy.deepcopy(dict(subject.params))
    before = {name: _fingerprint(value) for name, value in given.items()}
    subject.make_x(subject.n_samples, random_state=1, **given)
    changed = [name for name, value in given.items() if _fingerprint(value) != before[name]]
    require(not changed, f"changed: {', '.join(changed)}")


def check_one_sample(subject: Subject) -> None:
    """Require one row of everything for a sample of one, or a ValueError."""
    try:
        shapes = [part.shape for part in subject.draw(1)[:2]]
    except ValueError:
        return
    require(len(shapes[0]) == 2 and all(shape[:1] == (1,) for shape in shapes), f"n_samples=1 gives shapes {shapes}")


def check_bad_n_samples(subject: Subject) -> None:
    """Require ValueError or TypeError for an n_samples of 0, below 0, or other than an int."""
    accepted = [bad for bad in (0, -1, 2.5, "10") if _accepts(subject, n_samples=bad)]
    require(not accepted, f"accepted n_samples: {accepted}")


def check_oracle(subject: Subject) -> None:
    """Require the labels of the oracle: exact for classes, to rounding for floats."""
    if subject.oracle is None:
        raise SkipTest("no oracle was given")
    X, y = subject.draw(subject.max_samples)[:2]
    truth = np.asarray(subject.oracle(X))
    require(truth.shape == y.shape, f"y has shape {y.shape}, the oracle's {truth.shape}")
    wrong = np.count_nonzero(~np.isclose(y, truth) if y.dtype.kind == "f" else y != truth)
    require(wrong == 0, f"{wrong} of {len(y)} labels are not the oracle's")


def check_class_balance(subject: Subject) -> None:
    """Require two classes at least, each with the stated share of every sample."""
    if subject.smallest_share is None:
        raise SkipTest("no smallest_share was stated")
    for seed in _SEEDS:
        labels = subject.draw(random_state=seed)[1:2]
        classes, counts = np.unique(labels, return_counts=True)
        if classes.dtype.kind not in "iub" or len(classes) > _FEW_CLASSES:
            raise SkipTest(f"y does not consist of at most {_FEW_CLASSES} classes")
        require(len(classes) > 1, f"every label of seed {seed} is {classes[0]}")
        share = counts.min() / counts.sum()
        require(share >= subject.smallest_share, f"a class has {share:.3f} of the sample of seed {seed}")


def check_nested(subject: Subject) -> None:
    """Require the first m rows of a sample of n to be the sample of m."""
    if not subject.nested:
        raise SkipTest("nested samples are not claimed")
    n = subject.max_samples
    longest = _rows(subject.draw(n), n)
    for m in (10, 1000, 2**14 - 1, 2**14, 2**14 + 1):  # 2**14: a likely seam of blocks
        if m < n:
            head = tuple(part[:m] for part in longest)
            require(_same(_rows(subject.draw(m), m), head), f"the sample of {m} is not the head of the sample of {n}")


def check_rows_independent(subject: Subject) -> None:
    """Require rows to be uncorrelated at every distance: neither sorted nor repeated."""
    scores = _scores(subject.draw(subject.max_samples), subject.max_samples)
    require_independent(scores, scores, "rows of one sample", first_shift=scores.shape[1])


def check_seeds_independent(subject: Subject) -> None:
    """Require samples of neighbouring seeds to be uncorrelated at every shift."""
    one, other = (_scores(subject.draw(subject.max_samples, seed), subject.max_samples) for seed in (1, 2))
    require_independent(one, other, "samples of seeds 1 and 2")


def check_noise_zero(subject: Subject) -> None:
    """Require the sample of noise=0 to be deterministic and the limit of samples of small noise."""
    subject.needs_noise()
    still, again = subject.draw(noise=0.0), subject.draw(noise=0.0)
    require(_same(still, again), "two samples of noise=0 differ")
    fine, finer = subject.draw(noise=2e-9)[0], subject.draw(noise=1e-9)[0]
    close = 1e-6 * max(1.0, np.abs(still[0]).max())
    if np.abs(fine - finer).max() > close:
        raise SkipTest("the points change with the noise, so there is no limit to compare with")
    jump = np.abs(finer - still[0]).max()
    require(jump <= close, f"a point of noise=0 is {jump:.2g} away from that of noise=1e-9")


def check_noise_independent(subject: Subject) -> None:
    """Require noise to be uncorrelated with the points that it moves; one seed used for both is the usual cause."""
    subject.needs_noise()
    n = subject.max_samples
    still, once, twice = (subject.draw(n, noise=noise)[0] for noise in (0.0, 0.1, 0.2))
    moved = once - still
    if not moved.any() or not np.allclose(twice - still, 2 * moved, atol=1e-9 * max(1.0, np.abs(still).max())):
        raise SkipTest("noise cannot be separated from points by subtraction")
    require_independent(_scores((moved,), n), _scores((still,), n), "noise and points")


def check_negative_noise(subject: Subject) -> None:
    """Require a ValueError for a negative noise."""
    subject.needs_noise()
    try:
        subject.call(subject.n_samples, noise=-1.0)
    except ValueError:
        return
    raise AssertionError("accepted noise=-1.0")


def check_other_process(subject: Subject) -> None:
    """Require the same arrays, by pickle, from another process with another hash seed."""
    arguments = {"random_state": 1, **subject.params}
    try:
        task = pickle.dumps((subject.make_x, subject.n_samples, arguments))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise SkipTest(f"the generator cannot be pickled: {error}") from error
    if b"__main__" in task:
        raise SkipTest("the generator is defined in __main__, which another process cannot import")
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    child = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=pickle.dumps(sys.path) + task,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        timeout=120,
        check=False,
    )
    require(child.returncode == 0, child.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    require(_same(subject.draw(), _parts(pickle.loads(child.stdout))), "another process gives another sample")


CHECKS: dict[str, Callable[[Subject], None]] = {
    check.__name__.removeprefix("check_"): check
    for check in (
        check_shapes,
        check_finite,
        check_same_seed,
        check_seeds_bind,
        check_random_state,
        check_generator_instance,
        check_bad_random_state,
        check_global_unread,
        check_global_unchanged,
        check_arguments_unchanged,
        check_one_sample,
        check_bad_n_samples,
        check_oracle,
        check_class_balance,
        check_nested,
        check_rows_independent,
        check_seeds_independent,
        check_noise_zero,
        check_noise_independent,
        check_negative_noise,
        check_other_process,
    )
}
"""The checks by name, in the order in which they run."""


def check_generator(
    make_x: Callable[..., Any],
    *,
    params: Mapping[str, Any] | None = None,
    oracle: Callable[[NDArray[Any]], ArrayLike] | None = None,
    nested: bool = False,
    smallest_share: float | None = None,
    max_samples: int = 40_000,
    on_fail: str | None = "raise",
    expected_failed_checks: Mapping[str, str] | None = None,
) -> list[CheckResult]:
    """Check that a generator follows the conventions of ``make_*`` functions and its own claims.

    Global random generators are restored afterwards.

    Parameters
    ----------
    make_x : callable
        Generator. It is called as ``make_x(n_samples, random_state=..., **params)`` and returns X of shape
        (n_samples, n_features), or a tuple that begins with X and y.
    params : mapping of str to object, optional
        Further keyword arguments of every call.
    oracle : callable, optional
        Claim: function from X to the labels y.
    nested : bool, default=False
        Claim: the first m rows of a sample of n are the sample of m.
    smallest_share : float, optional
        Claim: smallest share, in [0, 0.5], of each class in every sample of 1000.
    max_samples : int, default=40_000
        Rows of the largest sample, at least 100. Faults that occur only in larger samples are not found.
    on_fail : {"raise"} or None, default="raise"
        Raise once all checks have run, or return failures like the other results.
    expected_failed_checks : mapping of str to str, optional
        Names of checks that fail and the reason for each; such a failure is reported as "expected".

    Returns
    -------
    results : list of CheckResult
        One result for each of `CHECKS`, in that order. If a call raises, or its sample cannot be read as arrays,
        "shapes" fails and all others are skipped.

    Raises
    ------
    AssertionError
        If ``on_fail="raise"`` and a check failed; the message lists every failed check.
    TypeError, ValueError
        If an argument of this function is invalid.

    Examples
    --------
    >>> from toymanifold import make_sphere
    >>> from toymanifold.checks import check_generator
    >>> results = check_generator(make_sphere, nested=True, smallest_share=0.4, max_samples=1000)
    >>> print(results[0])
    shapes                 passed
    """
    owner = "check_generator"
    if smallest_share is not None:
        check_real(smallest_share, "smallest_share", owner, low=0, high=0.5)
    check_integer(max_samples, "max_samples", owner, low=100)
    subject = Subject(make_x, params or {}, oracle, nested, smallest_share, max_samples)
    title = getattr(make_x, "__name__", repr(make_x))
    return run_battery(CHECKS, subject, title, owner, on_fail, expected_failed_checks)


def run_battery(
    checks: Mapping[str, Callable[[Any], None]],
    subject: Any,
    title: str,
    owner: str,
    on_fail: str | None,
    expected_failed_checks: Mapping[str, str] | None,
) -> list[CheckResult]:
    """Run checks, of which all but the first, "shapes", need a sample that can be read."""
    expected = expected_failed_checks or {}
    for name in expected:
        check_choice(name, "expected_failed_checks", owner, checks)
    if on_fail not in ("raise", None):
        raise ValueError(error_message("on_fail", owner, "'raise' or None", on_fail))
    with _global_generators_restored():
        is_readable = _is_readable(subject)
        results = [
            run_check(name, check, subject, expected)
            if is_readable or name == "shapes"
            else CheckResult(name, "skipped", "no sample can be read; see shapes")
            for name, check in checks.items()
        ]
    failures = [f"{result.check}: {result.reason}" for result in results if result.status == "failed"]
    if failures and on_fail == "raise":
        raise AssertionError(f"{title} fails {len(failures)} of {len(results)} checks\n  " + "\n  ".join(failures))
    return results


def _is_readable(subject: Any) -> bool:
    """Return False if an ordinary sample raises, or cannot be read as arrays."""
    try:
        subject.draw()
    except Exception:  # which the check "shapes" reports
        return False
    return True
