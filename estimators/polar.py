"""Hyperspherical coordinates as one function of arrays, for numpy and torch alike."""

from typing import Any

from array_api_compat import array_namespace


def to_polar(X: Any, *, encoding: str = "raw") -> Any:
    r"""Turn Cartesian into hyperspherical coordinates about the origin.

    With tail norms :math:`t_k = \|(x_k, \ldots, x_d)\|`, the radius is :math:`t_1`, the angles are
    :math:`\theta_k = \mathrm{atan2}(t_{k+1}, x_k) \in [0, \pi]` for k < d - 1, and the last one, which alone goes all
    the way round, is :math:`\mathrm{atan2}(x_d, x_{d-1}) \in [-\pi, \pi]`. In the plane: r and theta.

    Parameters
    ----------
    X : array of shape (n_samples, d), d >= 2
        Real floating, any array of the Python array API.
    encoding : {"raw", "sincos"}, default="raw"
        "raw" gives the angles themselves, of which the last has a cut along the negative half axis; "sincos" gives
        the cosine and sine of each, which have none.

    Returns
    -------
    polar : array of shape (n_samples, d) or (n_samples, 2 d - 1)
        ``r, theta_1, ..., theta_(d-1)``, or ``r``, the cosines, the sines. An undefined angle (at the origin, on an
        axis) is 0, and so is its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> to_polar(np.array([[0.0, 2.0]]))
    array([[2.    , 1.5708]])
    """
    xp = array_namespace(X)
    largest = xp.max(xp.abs(X), axis=1, keepdims=True)
    largest = xp.where(largest == 0, xp.ones_like(largest), largest)
    squares = (X / largest) ** 2  # neither underflow nor overflow
    tails = largest * _root(xp, xp.flip(xp.cumulative_sum(xp.flip(squares, axis=1), axis=1), axis=1))
    opposite = xp.concat([tails[:, 1:-1], X[:, -1:]], axis=1)
    undefined = tails[:, :-1] == 0
    angles = xp.atan2(opposite, xp.where(undefined, xp.ones_like(opposite), X[:, :-1]))
    parts = [angles] if encoding == "raw" else [xp.cos(angles), xp.sin(angles)]
    return xp.concat([tails[:, :1], *parts], axis=1)


def from_polar(polar: Any, *, encoding: str = "raw") -> Any:
    """Turn hyperspherical back into Cartesian coordinates; the inverse of `to_polar`.

    Parameters
    ----------
    polar : array of shape (n_samples, d) or (n_samples, 2 d - 1)
        As `to_polar` returns it for the same encoding. Of a pair of cosine and sine only the direction is used.
    encoding : {"raw", "sincos"}, default="raw"

    Returns
    -------
    X : array of shape (n_samples, d)

    Examples
    --------
    >>> import numpy as np
    >>> from_polar(np.array([[2.0, np.pi / 2]])).round(6)
    array([[0., 2.]])
    """
    xp = array_namespace(polar)
    radius, rest = polar[:, :1], polar[:, 1:]
    if encoding == "sincos":
        half = rest.shape[1] // 2
        rest = xp.atan2(rest[:, half:], rest[:, :half])
    tails = radius * xp.concat([xp.ones_like(radius), xp.cumulative_prod(xp.sin(rest), axis=1)], axis=1)
    return xp.concat([tails[:, :-1] * xp.cos(rest), tails[:, -1:]], axis=1)


def _root(xp: Any, squares: Any) -> Any:
    """Square root whose gradient at 0 is 0 and not infinite."""
    zero = squares == 0
    return xp.where(zero, squares, xp.sqrt(xp.where(zero, xp.ones_like(squares), squares)))
