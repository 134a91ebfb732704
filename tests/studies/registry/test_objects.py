import gc
import pickle
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from estimators import NetClassifier, PolarCoordinates
from studies.registry.learners import find
from studies.registry.objects import code_of_object, find_kept, keep, read_objects, write_objects
from studies.registry.problems import find_builder
from toymanifold import DataProblem, spiral_problem


def local_class():
    class Local(KNeighborsClassifier):
        pass

    return Local()


@pytest.mark.parametrize(
    "make",
    [
        KNeighborsClassifier,
        lambda k: NetClassifier(width=k, prior=PolarCoordinates()),
        lambda k: make_pipeline(StandardScaler(), GridSearchCV(SVC(), {"C": [1, k]})),
        lambda k: spiral_problem(turns=k),
        lambda k: DataProblem.from_generator(make_moons, pool=100, noise=k),
        lambda k: DataProblem.from_data(
            pd.DataFrame({"a": ["x", "y"] * 8, "b": np.arange(16.0) + k}), [0, 1, 1, 0] * 4
        ),
    ],
)
def test_equal_objects_have_one_name_and_others_another(make):
    names = [keep(make(k)).name for k in (3, 3, 5)]
    assert names[0] == names[1] != names[2]


def test_an_object_is_known_as_long_as_it_is_kept():
    kept = keep(KNeighborsClassifier(7))
    assert find(kept.name, "classification")().n_neighbors == 7
    del kept
    gc.collect()
    name = keep(KNeighborsClassifier(7)).name
    gc.collect()
    assert find_kept(name) is None


@pytest.mark.parametrize("find_named", [lambda name: find(name, "classification"), find_builder])
@pytest.mark.parametrize("digest", ["0" * 64, "a" * 64, "0"])
def test_no_name_is_that_of_an_object_unless_it_is_kept(find_named, digest):
    with pytest.raises(ValueError, match=r"unknown|not allowed"):
        find_named(f"object:{digest}")


def test_an_estimator_is_cloned_each_time_and_a_problem_is_not():
    learner, problem = KNeighborsClassifier(), DataProblem.from_data([[0.0], [1.0]] * 8, [0, 1] * 8)
    of_learner, of_problem = keep(learner), keep(problem)
    assert find(of_learner.name, "classification")() is not find(of_learner.name, "classification")()
    assert find_builder(of_problem.name)() is problem


@pytest.mark.parametrize(
    "learner",
    [
        local_class(),
        make_pipeline(FunctionTransformer(lambda X: X), KNeighborsClassifier()),
        type("Made", (KNeighborsClassifier,), {"__module__": "__main__"})(),
    ],
)
def test_code_that_cannot_be_imported_has_no_identity(learner):
    with pytest.raises(ValueError, match=r".+"):
        code_of_object(learner)


def test_the_identity_of_code_is_that_of_its_modules(tmp_path, monkeypatch):
    (tmp_path / "own_scaler.py").write_text(
        "from sklearn.preprocessing import StandardScaler\nclass Own(StandardScaler):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from own_scaler import Own

    first = code_of_object(make_pipeline(Own(), KNeighborsClassifier()))
    assert list(first) == ["own_scaler"]
    (tmp_path / "own_scaler.py").write_text("# edited\n")
    assert code_of_object(make_pipeline(Own(), KNeighborsClassifier())) != first
    assert code_of_object(make_pipeline(StandardScaler(), KNeighborsClassifier())) == {}


def test_only_this_user_can_read_the_pickles_of_workers(tmp_path):
    kept, path = keep(local_class()), tmp_path / "objects"
    write_objects([kept], str(path))
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert set(pickle.loads(path.read_bytes())) == {kept.name}
    assert [one.name for one in read_objects(str(path))] == [kept.name]
    with pytest.raises(FileExistsError):
        write_objects([kept], str(path))
