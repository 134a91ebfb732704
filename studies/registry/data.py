"""Problems of finitely many rows: a file, a loader of `sklearn.datasets`, a generator in scikit-learn's manner."""
