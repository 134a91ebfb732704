import functools
import random
import sys
import zlib

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_blobs, make_circles, make_moons, make_swiss_roll

from toymanifold import (
    concentric_spheres_problem,
    make_concentric_spheres,
    make_sphere,
    make_spiral,
    sphere_problem,
    spiral_problem,
)
from toymanifold.checks import CHECKS, CheckResult, check_generator
from toymanifold.streams import as_generator
from toymanifold.validation import check_integer, check_real

try:
    import torch
except ModuleNotFoundError:  # as with the oldest numpy
    torch = None


def verdicts(make_x, **claims):
    return {result.check: result.status for result in check_generator(make_x, on_fail=None, **claims)}


def named(status, found):
    return {check for check, verdict in found.items() if verdict == status}


def in_this_process(make_x):
    """Wrap a generator so that it cannot be pickled: another process would spend seconds on importing torch."""
    return functools.wraps(make_x)(lambda *args, **kwargs: make_x(*args, **kwargs))


def make_noisy(n_samples=100, *, noise=0.0, random_state=None):
    """A correct generator with noise, to be spoilt below."""
    check_integer(n_samples, "n_samples", "make_noisy", low=1)
    check_real(noise, "noise", "make_noisy", low=0)
    points, jitter = as_generator(random_state, "make_noisy").spawn(2)
    X = points.standard_normal((n_samples, 2))
    return X + noise * jitter.standard_normal(X.shape), (X[:, 0] > 0).astype(int)


def spoil(change):
    """Return `make_noisy` with its sample passed through ``change(X, y, random_state)``."""

    def make_spoilt(n_samples=100, *, noise=0.0, random_state=None):
        return change(*make_noisy(n_samples, noise=noise, random_state=random_state), random_state)

    return make_spoilt


def seeded(change):
    """Return `make_noisy` with its random_state passed through `change`."""

    def make_spoilt(n_samples=100, *, noise=0.0, random_state=None):
        return make_noisy(n_samples, noise=noise, random_state=change(random_state))

    return make_spoilt


def make_infinite(n_samples=100, *, random_state=None):
    X, y = make_noisy(n_samples, random_state=random_state)
    X[0, 0] = np.inf
    return X, y


def draw_globally(draw):
    def change(X, y, random_state):
        draw()
        return X, y

    return spoil(change)


def look_at_global(state):
    return spoil(lambda X, y, random_state: (X + zlib.crc32(str(state()).encode()), y))


def refuse_generator_by_accident(random_state):
    if isinstance(random_state, np.random.Generator):
        raise AttributeError("no attribute 'rand'")
    return random_state


def do_not_advance(random_state):
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.get_state()[1][0])
    return random_state


def make_shifted(n_samples=100, *, shift=0.0, random_state=None):
    shift += 1  # in place: an array belongs to the caller
    X, y = make_noisy(n_samples, random_state=random_state)
    return X + shift, y


def make_squeezed(n_samples=100, *, noise=0.0, random_state=None):
    X, y = make_noisy(n_samples, noise=noise, random_state=random_state)
    return X, np.squeeze(y)


def make_any_number(n_samples=100, *, noise=0.0, random_state=None):
    return make_noisy(max(1, int(n_samples)), noise=noise, random_state=random_state)


def make_column_by_column(n_samples=100, *, random_state=None):
    check_integer(n_samples, "n_samples", "make_column_by_column", low=1)
    return as_generator(random_state, "make_column_by_column").standard_normal((2, n_samples)).T


def make_from_few_seeds(n_samples=100, *, random_state=None, block=500):
    """Block i of seed s is block 0 of seed s + i."""
    if not isinstance(random_state, int) or random_state < 0:
        return make_noisy(n_samples, random_state=random_state)
    check_integer(n_samples, "n_samples", "make_from_few_seeds", low=1)
    blocks = [np.random.default_rng(random_state + i).normal(size=(block, 2)) for i in range(-(-n_samples // block))]
    return np.concatenate(blocks)[:n_samples]


def make_never_quiet(n_samples=100, *, noise=0.0, random_state=None):
    return make_noisy(n_samples, noise=noise or 0.1, random_state=random_state)


def make_one_seed_twice(n_samples=100, *, noise=0.0, random_state=None):
    check_real(noise, "noise", "make_one_seed_twice", low=0)
    X, y = make_noisy(n_samples, random_state=random_state)
    if isinstance(random_state, int):
        return X + noise * make_noisy(n_samples, random_state=random_state)[0], y
    return X, y


def make_noise_of_any_sign(n_samples=100, *, noise=0.0, random_state=None):
    return make_noisy(n_samples, noise=abs(noise), random_state=random_state)


ANY_SEED = seeded(lambda state: 0 if isinstance(state, float | str) or state == -1 else state)
BROKEN = [
    ("shapes", spoil(lambda X, y, _: ((1000 * X).astype(int), y)), {}),
    ("shapes", spoil(lambda X, y, _: (list(X), y)), {}),
    ("shapes", spoil(lambda X, y, _: (X, np.append(y, y[-1:] if len(y) > 1 else y[:0]))), {}),
    ("shapes", spoil(lambda X, y, _: (X[:-1], y[:-1]) if len(X) % 2 and len(X) > 1 else (X, y)), {}),
    ("shapes", spoil(lambda X, y, _: (X, y[: len(y) // 5 * 5]) if len(X) > 1 else (X, y)), {}),
    ("finite", make_infinite, {}),
    ("same_seed", seeded(lambda state: state or None), {}),
    ("seeds_bind", seeded(lambda state: state % 2**16 if isinstance(state, int) and state > 0 else state), {}),
    ("random_state", seeded(do_not_advance), {}),
    ("generator_instance", seeded(refuse_generator_by_accident), {}),
    ("bad_random_state", ANY_SEED, {}),
    ("global_unread", look_at_global(random.getstate), {}),
    ("global_unread", look_at_global(lambda: np.random.get_state()[1][0]), {}),  # noqa: NPY002
    ("global_unchanged", draw_globally(random.random), {}),
    ("global_unchanged", draw_globally(lambda: np.random.rand()), {}),  # noqa: NPY002
    ("arguments_unchanged", make_shifted, {"params": {"shift": np.ones(2)}}),
    ("one_sample", make_squeezed, {}),
    ("bad_n_samples", make_any_number, {}),
    ("oracle", make_noisy, {"oracle": lambda X: X[:, 1] > 0}),
    ("class_balance", spoil(lambda X, y, _: (X, (X[:, 0] > 2).astype(int))), {"smallest_share": 0.1}),
    ("class_balance", spoil(lambda X, y, _: (X, np.zeros_like(y))), {"smallest_share": 0.1}),
    ("nested", make_column_by_column, {"nested": True}),
    ("rows_independent", spoil(lambda X, y, _: (np.resize(X[: -(-len(X) // 2)], X.shape), y)), {}),
    ("seeds_independent", make_from_few_seeds, {}),
    ("noise_zero", make_never_quiet, {}),
    ("noise_independent", make_one_seed_twice, {}),
    ("negative_noise", make_noise_of_any_sign, {}),
]
if torch:
    BROKEN += [
        ("global_unread", look_at_global(torch.initial_seed), {}),
        ("global_unchanged", draw_globally(lambda: torch.rand(1)), {}),
    ]


@pytest.mark.parametrize(("check", "make_x", "claims"), BROKEN, ids=[f"{i}-{row[0]}" for i, row in enumerate(BROKEN)])
def test_a_broken_generator_fails_its_check_and_no_other(check, make_x, claims):
    assert named("failed", verdicts(in_this_process(make_x), max_samples=3000, **claims)) == {check}


class Bunch(dict):
    """Stands for scikit-learn's."""


UNREADABLE = {
    "X is a csr_array": lambda X, y, _: (csr_array(X), y),
    "X is a Bunch": lambda X, y, _: Bunch(data=X, target=y),
    "X is a NoneType": lambda X, y, _: None,
    "X is a generator": lambda X, y, _: (row for row in X),
    "X is a ndarray, not an array of numbers": lambda X, y, _: (X.astype(object), y),
    "X is a list": lambda X, y, _: [X, y],
    "y is a NoneType": lambda X, y, _: (X, None),
    "y is a list": lambda X, y, _: (X, [[1] * n for n in range(len(y))]),
    "empty tuple": lambda X, y, _: (),
}


@pytest.mark.parametrize("reason", UNREADABLE)
def test_a_sample_that_cannot_be_read_is_reported_once(reason):
    first, *others = check_generator(spoil(UNREADABLE[reason]), on_fail=None, max_samples=1000)
    assert first.check == "shapes"
    assert first.status == "failed"
    assert reason in first.reason
    assert {result.status for result in others} == {"skipped"}


def test_a_signature_without_a_random_state_is_reported_once():
    first, *others = check_generator(lambda n_samples: np.zeros((n_samples, 2)), on_fail=None, max_samples=1000)
    assert "TypeError" in first.reason
    assert "random_state" in first.reason
    assert {result.status for result in others} == {"skipped"}


def test_objects_after_the_labels_are_not_compared():
    found = verdicts(spoil(lambda X, y, _: (X, y, object())), max_samples=1000)
    assert not named("failed", found)


def test_labels_that_are_strings_are_read():
    make_text = spoil(lambda X, y, _: (X, np.array(["out", "in"], dtype=object)[y]))
    assert not named("failed", verdicts(make_text, max_samples=1000))


def test_a_callable_in_c_has_unknown_parameters():
    class Made:
        __signature__ = "unknown"

        def __call__(self, n_samples, *, random_state):
            return make_noisy(n_samples, random_state=random_state)

    found = verdicts(Made(), max_samples=1000)
    assert not named("failed", found)
    assert found["negative_noise"] == "skipped"


@pytest.mark.parametrize(
    ("draw", "name"),
    [(random.random, "random"), (lambda: np.random.rand(), "numpy.random")],  # noqa: NPY002
)
def test_the_global_generator_that_is_read_is_the_one_that_is_named(draw, name):
    make_global = spoil(lambda X, y, _: (X + draw(), y))
    found = {result.check: result for result in check_generator(make_global, on_fail=None, max_samples=1000)}
    assert found["global_unread"].reason == f"the sample depends on the global generator of {name}"
    assert found["global_unchanged"].reason == f"the call changes the global generator of {name}"


def test_a_sample_that_changes_by_itself_is_not_blamed_on_a_global_generator():
    entropy = np.random.default_rng(0)
    found = verdicts(spoil(lambda X, y, _: (X + entropy.random(), y)), max_samples=1000)
    assert found["same_seed"] == "failed"
    assert (found["global_unread"], found["global_unchanged"]) == ("skipped", "passed")


def test_a_sample_that_depends_on_the_hash_seed_fails_in_another_process_only(tmp_path, monkeypatch):
    source = "from toymanifold import make_sphere\n\ndef make_hashed(n_samples, *, random_state):\n"
    source += "    X, y = make_sphere(n_samples, random_state=random_state)\n    return X + hash('spot') % 2**20, y\n"
    (tmp_path / "hashed.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    import hashed

    assert named("failed", verdicts(hashed.make_hashed, max_samples=3000)) == {"other_process"}
    del sys.modules["hashed"]


def test_every_check_has_a_generator_that_fails_it():
    assert {check for check, *_ in BROKEN} | {"other_process"} == set(CHECKS)


def test_the_correct_generator_passes_all_that_applies():
    found = verdicts(in_this_process(make_noisy), params={"noise": 0.1}, smallest_share=0.4, max_samples=3000)
    assert named("skipped", found) == {"oracle", "nested", "other_process"}
    assert not named("failed", found)


@pytest.mark.parametrize(
    ("make_x", "problem", "share"),
    [
        (make_spiral, spiral_problem(), 0.25),
        (make_sphere, sphere_problem(), 0.4),
        (make_concentric_spheres, concentric_spheres_problem(), 0.4),
    ],
)
def test_own_generators_pass_with_every_claim(make_x, problem, share):
    found = verdicts(make_x, oracle=problem.label, nested=True, smallest_share=share)
    noise = {"noise_zero", "noise_independent", "negative_noise"}
    assert named("skipped", found) == noise | {"arguments_unchanged"}
    assert not named("failed", found)


OPTIONS = {
    "arms": (make_spiral, {"arms": 3, "density": "bands"}),
    "plane": (make_spiral, {"dimension": 4, "nuisance_scale": 0.5, "dtype": np.float32}),
    "flips": (make_spiral, {"density": "uniform", "flip_probability": 0.2}),
    "harmonic": (make_sphere, {"target": "harmonic", "degree": 3}),
    "regression": (make_sphere, {"target": "quadratic", "task": "regression"}),
    "random": (make_sphere, {"target": "random", "dimension": 5}),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_own_generators_pass_with_their_options(option):
    make_x, params = OPTIONS[option]
    found = verdicts(make_x, params=params, nested=True, max_samples=20_000)
    assert not named("failed", found)


@pytest.mark.parametrize(
    ("make_x", "failed", "skipped"),
    [
        (make_moons, {"nested"}, set()),
        (make_circles, {"nested", "bad_n_samples"}, set()),
        (make_swiss_roll, {"nested", "one_sample"}, {"class_balance"}),
        (make_blobs, {"nested"}, {"noise_zero", "noise_independent", "negative_noise"}),
    ],
)
def test_verdicts_on_scikit_learn(make_x, failed, skipped):
    found = verdicts(in_this_process(make_x), nested=True, smallest_share=0.3)
    assert named("failed", found) == failed
    assert named("skipped", found) == skipped | {"generator_instance", "arguments_unchanged", "oracle", "other_process"}


def test_sorted_rows_are_not_independent():
    found = verdicts(in_this_process(make_circles), params={"shuffle": False, "noise": 0.1}, max_samples=3000)
    assert named("failed", found) == {"bad_n_samples", "rows_independent", "seeds_independent"}


def test_float_positions_are_compared_with_an_oracle_to_rounding():
    found = verdicts(in_this_process(make_swiss_roll), oracle=lambda X: np.hypot(X[:, 0], X[:, 2]), max_samples=3000)
    assert found["oracle"] == "passed"


def test_a_seam_at_a_block_of_16384_rows_shows():
    def make_seam(n_samples=100, *, random_state=None):
        X, y = make_noisy(n_samples, random_state=random_state)
        return X + 0.01 * (n_samples > 2**14), y

    assert named("failed", verdicts(make_seam, nested=True)) == {"nested"}
    assert not named("failed", verdicts(make_seam, nested=True, max_samples=2**14))


@pytest.mark.parametrize("share", [0.5, 0.01, 0.001])
def test_independent_samples_raise_no_alarm_however_rare_a_class(share):
    make_rare = spoil(lambda X, y, state: (X, (np.random.default_rng(y[:50]).random(len(y)) < share).astype(int)))
    checks = ("rows_independent", "seeds_independent")
    found = verdicts(make_rare)
    assert [found[check] for check in checks] == ["passed", "passed"]


def test_all_failures_are_raised_at_once():
    with pytest.raises(AssertionError, match=r"make_circles fails 2 of 21(?s:.*)bad_n_samples: .*\[0\](?s:.*)nested: "):
        check_generator(in_this_process(make_circles), nested=True, max_samples=1000)


def test_an_expected_failure_does_not_raise_and_keeps_its_reason():
    results = check_generator(
        in_this_process(make_circles), max_samples=1000, expected_failed_checks={"bad_n_samples": "documented"}
    )
    found = {result.check: result for result in results}["bad_n_samples"]
    assert (found.status, found.reason) == ("expected", "documented (accepted n_samples: [0])")


def test_an_expected_failure_that_passes_says_so():
    results = check_generator(make_sphere, max_samples=1000, expected_failed_checks={"shapes": "once true"})
    assert results[0] == CheckResult("shapes", "passed", "though expected to fail")


def test_any_exception_is_a_failure_with_its_text():
    def make_nothing(n_samples, *, random_state):
        raise ZeroDivisionError("no reason")

    results = check_generator(make_nothing, on_fail=None, max_samples=1000)
    assert str(results[0]) == f"{'shapes':<22} failed   ZeroDivisionError: no reason"


def test_the_battery_leaves_global_generators_as_it_found_them():
    def states():
        numbers = torch.get_rng_state().tolist() if torch else None
        return random.getstate(), np.random.get_state()[1].tolist(), numbers  # noqa: NPY002

    before = states()
    check_generator(draw_globally(lambda: np.random.rand()), on_fail=None, max_samples=1000)  # noqa: NPY002
    assert states() == before


@pytest.mark.parametrize(
    "bad", [{"on_fail": "warn"}, {"expected_failed_checks": {"shape": ""}}, {"smallest_share": 0.6}, {"max_samples": 9}]
)
def test_bad_arguments_are_refused_by_name(bad):
    with pytest.raises(ValueError, match=f"'{next(iter(bad))}' parameter of check_generator"):
        check_generator(make_sphere, **bad)
