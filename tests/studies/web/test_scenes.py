"""Requests of the page, and that its scenes are those of a study."""

import base64
import io

import numpy as np
import pytest
from matplotlib.image import imread

from studies.execution.run import run_cell
from studies.registry.errors import SpecError
from studies.registry.problems import build_problem
from studies.registry.test_sets import MAP_SIZE, map_points
from studies.spec.cells import plan_study
from studies.spec.study import Study
from studies.web.scenes import LEARNER_OPTIONS, MOST_VISITS, SceneError, SceneRequest, look

LEARNERS = {
    "knn": {"estimator": "knn-1", "params": {"n_neighbors": 3}, "prior": "polar"},
    "net": {"estimator": "net", "params": {"epochs": 10, "width": 8, "batch_size": 128, "learning_rate": 0.003}},
}


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_scene_shows_what_a_study_measures(learner):
    """The same errors and, pixel by pixel, the same region."""
    study = Study.from_dict(
        {
            "name": "the same",
            "question": "Is it?",
            "seeds": 3,
            "sizes": [300],
            "problems": {"spiral": {"problem": "spiral", "params": {"turns": 3, "flip_probability": 0.1}}},
            "learners": {learner: LEARNERS[learner]},
        }
    )
    measured = run_cell(plan_study(study)[2].cell)
    own = {"n_neighbors": 3, "epochs": 10, "width": 8, "prior": LEARNERS[learner].get("prior", "none")}
    scene = look(SceneRequest(turns=3, flip_probability=0.1, n_samples=300, seed=2, learner=learner, **own))
    assert scene.error == 1 - measured.values["accuracy"]
    assert scene.error_uniform == 1 - measured.values["accuracy_uniform"]
    drawn = pixels(scene.region)[::-1, :, 3]  # opacity, from below
    truth = truth_of(study)
    np.testing.assert_array_equal(drawn > 0.9, measured.decision_map != truth)
    np.testing.assert_array_equal(drawn > 0, measured.decision_map | truth)


def truth_of(study):
    problem = build_problem("spiral", study.problems["spiral"].params)
    return problem.label(map_points(1.2)).reshape(MAP_SIZE, MAP_SIZE) == 1


def pixels(uri):
    return imread(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))


def test_points_of_wrong_label_are_separate_and_count_in_the_training_error():
    clean, noisy = (look(SceneRequest(flip_probability=p, n_samples=500, n_neighbors=11)) for p in (0, 0.3))
    assert clean.flipped == ""
    dots = [path.count("h0") for path in (noisy.points, noisy.flipped)]
    assert sum(dots) == clean.points.count("h0") <= clean.n_shown == 500
    assert 0.2 < dots[1] / sum(dots) < 0.4
    assert noisy.error_train > clean.error_train


def test_a_failure_has_the_error_as_its_message():
    with pytest.raises(SceneError, match=r"must be at most the number of training points, n_samples=10. Got 11"):
        look(SceneRequest(n_samples=10, n_neighbors=11))


@pytest.mark.parametrize("learner", LEARNER_OPTIONS)
def test_every_learner_works_on_few_points(learner):
    scene = look(SceneRequest(learner=learner, n_samples=40, epochs=10, width=4))
    assert 0 < scene.error < 1


def test_a_query_string_is_read_as_a_request():
    query = {"turns": "2.5", "n_samples": "316", "learner": "net", "prior": "phase", "epochs": "100", "seed": "7"}
    request = SceneRequest.read(query)
    assert {name: str(getattr(request, name)) for name in query} == query
    assert SceneRequest.read({}) == SceneRequest()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"turns": "9"}, "turns: must be 8 or less. Got '9'."),
        ({"turns": "nan"}, "turns: must be "),
        ({"n_samples": "1e9"}, "n_samples: must be an int"),
        ({"learner": "ken"}, "learner: must be 'knn', 'net', "),
        ({"turn": "3"}, "unknown key 'turn'; did you mean 'turns'?"),
        (
            {"learner": "net", "n_samples": "10000"},
            "n_samples: must be 2,520 at most for the learner 'net'.",
        ),
        ({"learner": "net", "n_samples": "2000", "epochs": "400"}, "epochs: must be 252 at most with 2,000 training"),
    ],
)
def test_each_error_is_a_sentence(query, message):
    with pytest.raises(SpecError, match=r"^not shown: ") as refused:
        SceneRequest.read(query)
    assert message in str(refused.value)


def test_all_errors_are_reported_at_once():
    with pytest.raises(SpecError) as refused:
        SceneRequest.read({"turns": "0", "width": "1", "seed": "-1"})
    assert len(str(refused.value).splitlines()) == 3


def test_the_default_net_may_have_as_many_points_as_any_net():
    """So that a teacher who moves n alone meets no refusal."""
    assert 2_512 * SceneRequest().epochs <= MOST_VISITS


def test_learners_have_the_controls_of_a_request():
    assert {
        control for option in LEARNER_OPTIONS.values() for control in option.controls
    } <= SceneRequest.model_fields.keys()
    assert set(LEARNER_OPTIONS) == set(SceneRequest.model_json_schema()["properties"]["learner"]["enum"])
