"""A cell's fitted estimator, from the store or by fitting it again."""

from sklearn.base import BaseEstimator

from studies.models import load
from studies.plan import Cell
from studies.store import Store
from studies.tasks import fit_cell


def fitted(cell: Cell, store: Store) -> BaseEstimator:
    """Return a cell's fitted estimator.

    A net whose model is in the store is loaded. Every other estimator is **fitted again**, on the cell's own data with
    its own seed: that takes the time that the fit took, and gives the same estimator to the last bit where machine,
    threads and versions are those of the cell's run, else one that differs by rounding.

    Parameters
    ----------
    cell : Cell
    store : Store

    Raises
    ------
    ModelError
        If the stored model is damaged.
    Exception
        What fitting raised, if the cell has failed.
    """
    model = store.model(cell.key)
    return fit_cell(cell) if model is None else load(model)
