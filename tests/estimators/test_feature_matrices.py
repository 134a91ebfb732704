import numpy as np
import pytest

from estimators import agop, principal_angles, share_inside

rng = np.random.default_rng(0)
X = rng.standard_normal((40, 3))


def test_agop_is_the_mean_of_outer_products_summed_over_outputs():
    gradients = rng.standard_normal((40, 3, 2))
    expected = sum(np.outer(g, g) for point in gradients for g in point.T) / 40
    np.testing.assert_allclose(agop(gradients), expected)
    np.testing.assert_allclose(agop(gradients[:, :, 0]), agop(gradients[:, :, :1]))


def test_subspace_measures_are_exact_on_planted_spaces():
    Q = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    M = (Q * [5.0, 4.0, 1.0, 0.0, 0.0]) @ Q.T
    np.testing.assert_allclose(principal_angles(M, Q[:, :2] @ [[2.0, 1.0], [0.0, 1.0]]), 0, atol=1e-7)
    assert share_inside(M, Q[:, :2] * 7) == pytest.approx(0.9)
    turned = np.column_stack([Q[:, 0], np.cos(0.3) * Q[:, 1] + np.sin(0.3) * Q[:, 4]])
    np.testing.assert_allclose(principal_angles(M, turned), [0.3, 0], atol=1e-7)
    np.testing.assert_allclose(principal_angles(M, Q[:, 3:]), np.pi / 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: agop(X[0]), "The 'gradients' parameter of agop"),
        (lambda: principal_angles(X, X), "The 'matrix' parameter of principal_angles must be a square array"),
        (lambda: share_inside(np.eye(4), X), r"The 'frame' parameter of share_inside must be of shape \(4, k\)"),
        (lambda: share_inside(np.zeros((3, 3)), np.eye(3)), "The 'matrix' parameter of share_inside must be of pos"),
    ],
)
def test_bad_arguments_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
