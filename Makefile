# All targets need nothing but Python 3.11+ and make.
PYTHON ?= python3
BIN = .venv/bin
STUDY = prior-vs-data

.PHONY: docs fuzz study test

# Measure the built-in study and show what it found.
study: .venv/installed
	$(BIN)/toymanifold run $(STUDY)
	$(BIN)/toymanifold show $(STUDY)

# Run the tests, on all cores.
test: .venv/tested
	$(BIN)/pytest -n auto

# Run the property tests on ten times as many examples, and other ones every time.
fuzz: .venv/tested
	$(BIN)/pytest -n auto -m 'hypothesis and not slow' --hypothesis-profile=fuzz tests

# Build the documentation into docs/_build/html; the examples in it are executed, and no warning is let pass.
docs: .venv/documented
	rm -rf docs/generated
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

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
