"""The palette, tried on those who see it: on white, on a dark page, in grey and with a colour vision deficiency."""

import itertools
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from estimators import CATALOG
from studies.plots.looks import (
    DARK,
    DASHES,
    GREYS,
    LIGHT,
    MARKERS,
    chosen,
    dark_of,
    family_of,
    learner_looks,
    look_of,
    panels,
    shades,
    value_looks,
)
from studies.plots.regions import region_pixels
from studies.plots.style import RIGHT, WRONG
from studies.registry.objects import keep
from studies.spec.study import Study, built_in
from studies.web import rendering

RECORDED = Path(__file__).parents[1] / "data" / "recorded" / "prior-vs-data.toml"  # of many learners
PAPER = re.search(r"--paper: light-dark\((#\w+), (#\w+)\)", rendering.text("report.css"))
RAMPS = [(LIGHT, PAPER[1]), (DARK, PAPER[2])]

# Machado, Oliveira and Fernandes, IEEE Trans. Vis. Comput. Graph. 15, 2009, severity 1, on linear RGB
SEEN = {
    "all colours": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(colour):
    """The linear RGB of a colour in sRGB."""
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(colour, seen="all colours"):
    """The CIELAB coordinates of a colour as it is seen."""
    xyz = TO_XYZ @ np.clip(SEEN[seen] @ linear(colour), 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(a, b):
    """The contrast of two colours by WCAG 2."""
    low, high = sorted(TO_XYZ[1] @ linear(colour) + 0.05 for colour in (a, b))
    return high / low


@pytest.mark.parametrize(("ramps", "paper"), RAMPS, ids=["light", "dark"])
def test_all_colours_and_shades_stand_out_from_the_page(ramps, paper):
    for colour in itertools.chain.from_iterable(ramps.values()):
        assert contrast(colour, paper) >= 3
    for estimator, prior in itertools.product(CATALOG, ("none", "polar-sincos", "polar", "phase")):
        for look in shades(look_of(estimator, prior), 5):
            assert contrast(look.colour if ramps is LIGHT else look.dark, paper) >= 3


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("ramps", [LIGHT, DARK], ids=["light", "dark"])
def test_families_with_one_prior_are_apart(ramps, seen):
    """A distance of 2.3 in CIELAB is just noticeable."""
    for level in range(len(DASHES)):
        for a, b in itertools.combinations(ramps, 2):
            assert np.linalg.norm(lab(ramps[a][level], seen) - lab(ramps[b][level], seen)) > 6


@pytest.mark.parametrize(("ramps", "sign"), [(LIGHT, -1), (DARK, 1)], ids=["light", "dark"])
def test_the_more_prior_the_more_contrast_and_in_grey_as_well(ramps, sign):
    for family, ramp in ramps.items():
        assert (sign * np.diff([lab(colour)[0] for colour in ramp]) > 8).all(), family


def test_in_grey_families_have_marks_and_priors_have_dashes():
    assert len({look_of(name).marker for name in ("net", "knn-1", "forest", "kernel", "random-features")}) == 5
    assert len({look_of("net", prior).dash for prior in (None, "polar-sincos", "polar", "phase")}) == 4


def hue(colour):
    """The hue of a colour in CIELAB, in degrees."""
    return np.degrees(np.arctan2(*lab(colour)[:0:-1]))


@pytest.mark.parametrize("colour", [RIGHT, WRONG])
@pytest.mark.parametrize("ramps", [LIGHT, DARK], ids=["light", "dark"])
def test_regions_have_the_hue_of_no_family(ramps, colour):
    for family in set(ramps) - {"other"}:  # which is grey
        for of_learner in ramps[family]:
            assert abs((hue(colour) - hue(of_learner) + 180) % 360 - 180) > 25, family


def over(rgba, below):
    """A transparent colour on another one."""
    return to_hex(rgba[3] * np.array(rgba[:3]) + (1 - rgba[3]) * np.array(to_rgb(below)))


@pytest.mark.parametrize("seen", [*SEEN, "grey"])
@pytest.mark.parametrize("paper", [PAPER[1], PAPER[2]], ids=["light", "dark"])
def test_regions_are_apart_from_each_other_the_paper_and_the_density(paper, seen):
    def distance(a, b):
        return abs(lab(a)[0] - lab(b)[0]) if seen == "grey" else np.linalg.norm(lab(a, seen) - lab(b, seen))

    right, wrong = region_pixels(np.array([[True, True]]), np.array([[True, False]]))[0]
    grounds = [paper, over((0.5, 0.5, 0.5, 2 / 3), paper)]  # where the density is low, and where it is highest
    rights, wrongs = ([over(rgba, ground) for ground in grounds] for rgba in (right, wrong))
    for ground, inside in zip(grounds, rights, strict=True):
        assert distance(ground, inside) > 6
    for a, b in itertools.product(wrongs, [*grounds, *rights]):
        assert distance(a, b) > (4 if seen == "grey" else 15)
    assert contrast(WRONG, paper) >= 3


def test_the_key_of_a_page_has_the_colours_of_regions():
    css = rendering.text("report.css")
    assert re.findall(r"--(right|wrong): (#\w+)", css) == [("right", RIGHT), ("wrong", WRONG)]


@pytest.mark.parametrize(
    ("estimator", "family"),
    [
        ("knn-5", "kNN"),
        ("svm-tuned", "kernel"),
        ("rfm", "kernel"),
        ("random-features", "linear"),
        ("estimators:NetClassifier", "net"),
        ("sklearn.neural_network:MLPClassifier", "net"),
        ("sklearn.linear_model:ElasticNet", "linear"),
        ("sklearn.linear_model:RidgeClassifier", "linear"),
        ("sklearn.kernel_ridge:KernelRidge", "kernel"),
        ("sklearn.gaussian_process:GaussianProcessClassifier", "kernel"),
        ("sklearn.ensemble:HistGradientBoostingClassifier", "forest"),
        ("sklearn.tree:DecisionTreeClassifier", "forest"),
        ("sklearn.neighbors:RadiusNeighborsClassifier", "kNN"),
        ("estimators:GraphConvClassifier", "net"),
        ("estimators:HarmonicClassifier", "kernel"),
        ("sklearn.semi_supervised:LabelSpreading", "kernel"),
        ("sklearn.dummy:DummyClassifier", "other"),
        ("mine.nets:Guess", "other"),
    ],
)
def test_the_family_is_read_from_the_name(estimator, family):
    assert family_of(estimator) == family


def test_a_prior_of_ones_own_is_like_polar():
    assert look_of("net", "mine:Coordinates") == look_of("net", "polar")


def study_of(learners, **others):
    return Study.from_dict({"name": "a", "question": "?", "seeds": 1, "sizes": [10], "learners": learners, **others})


def test_a_learner_has_one_look_whatever_learners_are_beside_it():
    alone = learner_looks(study_of({"RFM": {"estimator": "rfm"}}))["RFM"]
    many = {"net": {"estimator": "net"}, "kernel": {"estimator": "kernel"}, "RFM": {"estimator": "rfm"}}
    assert learner_looks(study_of(many))["RFM"] == alone
    others = {"forest": {"estimator": "forest"}, "kNN, k=1 + polar": {"estimator": "knn-1", "prior": "polar"}}
    looks = [learner_looks(study) for study in (study_of(others), built_in()["adversarial-spheres"])]
    assert looks[0]["forest"] == looks[1]["forest"]
    assert looks[1]["stump, prior=none"] == look_of("sklearn.tree:DecisionTreeClassifier")
    assert looks[1]["stump, prior=none"].marker != looks[1]["forest"].marker
    assert looks[0]["kNN, k=1 + polar"] == looks[1]["kNN, k=1, prior=polar"]


@pytest.mark.parametrize(("beside", "darkest"), [("knn-1", "phase"), ("net", "polar-sincos")])
def test_values_of_an_axis_are_shades_as_far_apart_as_the_family_allows(beside, darkest):
    learners = {"net": {"estimator": "net", "params": {"width": [16, 64, 256]}}}
    other = {"other": {"estimator": beside, "prior": "polar"}}
    looks = list(learner_looks(study_of(learners | other)).values())[:3]
    lightness = [lab(look.colour)[0] for look in looks]
    assert looks[0] == look_of("net")
    assert (np.diff(lightness) < -3).all()
    assert 0 <= lightness[-1] - lab(look_of("net", darkest).colour)[0] < 3
    assert {look.dash for look in looks} == {()}
    assert len({look.marker for look in looks}) == 3


def test_no_two_of_forty_learners_look_alike():
    priors = ["none", "polar-sincos", "polar", "phase"]
    learners = {"net": {"estimator": "net", "prior": priors, "params": {"width": list(range(1, 11))}}}
    assert len(set(learner_looks(study_of(learners)).values())) == 40
    assert len(MARKERS) == 10


def test_an_object_has_the_look_of_its_class():
    kept = keep(make_pipeline(StandardScaler(), GradientBoostingClassifier()))
    study = study_of({"mine": {"estimator": kept.name}})
    study.use_objects({kept.name: kept})
    assert learner_looks(study)["mine"] == look_of("object:GradientBoostingClassifier")
    assert learner_looks(study)["mine"].colour == look_of("forest").colour


def test_a_prior_within_an_estimator_is_that_of_the_question():
    learners = {"mine": {"estimator": "knn-1"}, "kNN": {"estimator": "knn-1"}}
    looks = learner_looks(study_of(learners, questions=[{"worth": {"prior": "mine", "of": "kNN"}}]))
    assert looks == {"mine": look_of("knn-1", "mine:Coordinates"), "kNN": look_of("knn-1")}


def test_panels_and_colours_of_many_learners_go_by_family():
    looks = learner_looks(Study.from_toml(RECORDED))
    families = [Counter(looks[name].family for name in panel) for panel in panels(list(looks), looks)]
    assert families == [{"net": 5}, {"kNN": 5}, {"forest": 4}, {"kernel": 1}]
    names = chosen(looks, looks, ["net + phase"])
    assert names == ["net", "net + polar-sincos", "net + phase", "kNN, k=1", "SVM", "forest"]
    assert panels(names, looks) == [names]


@pytest.mark.parametrize("family", LIGHT)
def test_every_colour_of_a_look_has_its_partner_on_a_dark_page(family):
    shaded = [shades(look_of(family, prior), 4) for prior in (None, "polar-sincos", "polar", "phase")]
    for look in (*value_looks(range(9), family).values(), *itertools.chain(*shaded)):
        np.testing.assert_allclose(to_rgb(dark_of(look.colour)), to_rgb(look.dark), atol=3 / 255)


@pytest.mark.parametrize("colour", ["red", "#1f77b4", "#00ff00", "#de8f05"])
def test_another_colour_has_none(colour):
    assert dark_of(colour) is None


def test_white_is_the_paper_of_the_pages():
    assert {PAPER[1]: PAPER[2]}.items() <= GREYS.items()
