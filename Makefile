# All targets need nothing but Python 3.11+ and make.
PYTHON ?= python3
BIN = .venv/bin
STUDY = prior-vs-data

.PHONY: check docs fuzz lint oldest study test test-blas wheel

# Measure the built-in study and show what it found: first its quick part, within two minutes, then the whole.
study: .venv/installed
	$(BIN)/toymanifold run $(STUDY) --quick
	$(BIN)/toymanifold show $(STUDY) --quick
	$(BIN)/toymanifold run $(STUDY)
	$(BIN)/toymanifold show $(STUDY) --pictures

# Run the tests, on all cores.
test: .venv/tested
	$(BIN)/pytest -n auto

# Run the property tests on ten times as many examples, and other ones every time.
fuzz: .venv/tested
	$(BIN)/pytest -n auto -m 'hypothesis and not slow' --hypothesis-profile=fuzz tests

# Run the numerical tests as on other processors.
test-blas: .venv/tested
	.ci/other-processors

# Build the documentation into docs/_build/html; the examples in it are executed, and no warning is let pass.
docs: .venv/documented
	rm -rf docs/generated
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

# All that CI checks of a change.
check: lint test test-blas oldest docs wheel

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The tests of the data with the oldest numpy, scipy and hypothesis that are allowed.
oldest: .venv-oldest/installed
	PYTHONPATH=. .venv-oldest/bin/python -m pytest -q -n auto tests/toymanifold

# Build wheel and sdist, and use them outside the repository.
wheel: .venv/tested
	PYTHON=$(PYTHON) .ci/try-wheel

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "toymanifold needs Python 3.11 or newer; name one with PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/tested: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

.venv/documented: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

.venv-oldest/installed: .ci/oldest.txt
	$(PYTHON) -m venv --clear .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --requirement .ci/oldest.txt pytest pytest-xdist
	touch $@
