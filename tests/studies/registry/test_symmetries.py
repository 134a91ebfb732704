"""Symmetries as priors of a study: by name, by form, of the user's own, and within a search."""

import sys

import pytest

from estimators import Augmented, Invariance, KernelRegressor, Symmetrized
from estimators.priors import NAMED_SYMMETRIES
from studies import Study
from studies.execution.run import run_cell
from studies.spec.cells import plan_study
from toymanifold import Antipodal, CyclicTurns, Screw

MINE = """
import numpy as np
from estimators import Invariance
from toymanifold import FunctionSymmetry, Symmetry

class Mirror(Symmetry):
    size = 2
    def __init__(self, axis=0):
        self.axis = axis
    def act(self, X, elements):
        moved = X.copy()
        moved[:, self.axis] *= 1 - 2 * elements
        return moved

def swapped(form="augmentation"):
    return Invariance(FunctionSymmetry(lambda X, g: X[:, ::-1] if g else X, order=2), form)
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("symmetries")
    (folder / "my_symmetries.py").write_text(MINE)
    sys.path.append(str(folder))
    yield "my_symmetries"
    sys.path.remove(str(folder))
    sys.modules.pop("my_symmetries", None)


def planned(problem="sphere", **learner):
    params = {"dimension": 4, "target": "quadratic", "task": "regression"} if problem == "sphere" else {}
    study = Study(
        name="symmetric",
        metrics=["mse"] if problem == "sphere" else ["accuracy"],
        problems={"problem": {"name": problem, "params": params}},
        learners={"learner": learner},
        sizes=[60],
        seeds=1,
        allow=["my_symmetries"],
    )
    assert Study.from_toml(study.to_toml()) == study
    return plan_study(study)


def built(**learner):
    (cell,) = planned(**learner)
    return cell.cell.build_learner()


@pytest.mark.parametrize("name", NAMED_SYMMETRIES)
def test_a_named_symmetry_has_its_quotient_by_default_and_any_form_by_a_word(name):
    assert type(built(estimator="knn", prior=name)[0].symmetry) is NAMED_SYMMETRIES[name]
    params = {"form": "augmentation", "copies": 3}
    augmented = built(estimator="knn", prior=name, prior_params=params)
    assert (type(augmented), augmented.copies, augmented.random_state) == (Augmented, 3, 0)
    assert type(augmented.symmetry) is NAMED_SYMMETRIES[name]


def test_forms_and_parameters_of_a_group_are_axes_and_run():
    params = {"order": [2, 3], "form": ["coordinates", "augmentation", "kernel", "outputs"]}
    cells = planned(estimator="kernel", prior="cyclic-turns", prior_params=params)
    assert cells[1].learner == "learner, prior__order=2, prior__form=augmentation"
    assert [cell.cell.prior_params for cell in cells[:2]] == [{}, {"form": "augmentation"}]
    made = [cell.cell.build_learner() for cell in cells[4:]]
    assert [type(made[0][0]), *map(type, made[1:])] == [Invariance, Augmented, KernelRegressor, Symmetrized]
    assert all(learner.symmetry == CyclicTurns(3) for learner in (made[0][0], *made[1:]))
    errors = [run_cell(cell.cell).values["mse"] for cell in cells[:4]]
    assert len(set(errors)) == 4


def test_a_symmetry_of_ones_own_has_its_parameters_and_those_of_the_forms(mine):
    params = {"axis": 1, "form": "augmentation"}
    learner = built(estimator="knn", prior=f"{mine}:Mirror", prior_params=params)
    assert (type(learner), learner.symmetry.axis) == (Augmented, 1)
    assert isinstance(built(estimator="knn", prior=f"{mine}:swapped"), Augmented)
    (cell,) = planned(estimator="knn", prior=f"{mine}:Mirror", prior_params=params)
    assert run_cell(cell.cell).values["mse"] >= 0


def test_images_of_a_point_are_on_one_side_of_every_split_of_a_search():
    search = {"params": {"n_neighbors": [1, 3]}, "cv": 3}
    params = {"form": "augmentation"}
    learner = built(estimator="knn", prior="antipodal", prior_params=params, search=search)
    assert isinstance(learner.estimator, Augmented)
    assert learner.param_grid == {"estimator__n_neighbors": [1, 3]}
    assert (learner.cv.random_state, learner.estimator.random_state) == (0, 0)
    machine = built(
        estimator="kernel", prior="antipodal", prior_params={"form": "kernel"}, search={"params": {"ridge": [0.1, 1.0]}}
    )
    assert machine.estimator.symmetry == Antipodal()


def test_a_net_is_augmented_around_it_and_has_the_quotient_as_a_layer():
    params = {"epochs": 1, "width": 4}
    net = built(problem="spiral", estimator="net", prior="screw", prior_params={"radius": 1.1}, params=params)
    assert net.prior.symmetry == Screw(radius=1.1)
    augmented = built(
        problem="spiral", estimator="net", prior="screw", prior_params={"form": "augmentation"}, params=params
    )
    assert (type(augmented), augmented.estimator.prior) == (Augmented, None)


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        ({"estimator": "knn", "prior": "antipodal", "prior_params": {"form": "kernel"}}, "for NeighborsRegressor"),
        ({"estimator": "knn", "prior": "antipodal", "prior_params": {"form": ["outputs", "kernel"]}}, "'form' param"),
        ({"estimator": "knn", "prior": "antipodal", "prior_params": {"form": "copies"}}, "'outputs'"),
        ({"estimator": "knn", "prior": "antipodal", "prior_params": {"random_state": 1}}, "the seed of each cell"),
        ({"estimator": "knn", "prior": "cyclic-turns", "prior_params": {"ordr": 3}}, "did you mean 'order'"),
        ({"estimator": "knn", "prior": "cyclic-turns", "prior_params": {"order": 1}}, "'order' parameter of CyclicTu"),
        ({"estimator": "knn", "prior": "my_symmetries:Mirror"}, "which Mirror does not have"),
    ],
)
def test_what_cannot_be_is_refused_before_a_run(mine, learner, message):
    with pytest.raises(ValueError, match=message):
        planned(**learner)
