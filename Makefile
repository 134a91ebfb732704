# All targets need nothing but Python 3.11+ and make.
PYTHON ?= python3
BIN = .venv/bin
STUDY = prior-vs-data

.PHONY: docs fuzz study test test-blas

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

# What depends on the order in which a processor adds, but for what takes long or starts other processes.
NUMERICAL = $(addprefix tests/estimators/test_,kernels.py rfm.py random_features.py diagnostics.py bandwidths.py) \
  -k 'not (parallel or million or edges_of or slopes_of) and (not contract or sample_weight or invariance)'

# Run the numerical tests as on other processors, of those whose BLAS this one can run; on the oldest, numpy is as old, and
# what needs no BLAS is run too.
PROCESSORS = Prescott Haswell SkylakeX
test-blas: $(PROCESSORS:%=as-on-%)
.PHONY: $(PROCESSORS:%=as-on-%)
as-on-Prescott: NEEDS = sse2
as-on-Haswell: NEEDS = avx2
as-on-SkylakeX: NEEDS = avx512vl
as-on-Prescott: NUMPY = NPY_DISABLE_CPU_FEATURES="$$($(BIN)/python -c 'from numpy._core._multiarray_umath import \
  __cpu_dispatch__, __cpu_features__; print(*filter(__cpu_features__.get, __cpu_dispatch__))')"
as-on-Prescott: NUMERICAL += tests/toymanifold/test_signed_distance.py
$(PROCESSORS:%=as-on-%): as-on-%: .venv/tested
	@if grep -qsw $(NEEDS) /proc/cpuinfo; then set -x; \
	$(NUMPY) OPENBLAS_CORETYPE=$* $(BIN)/pytest -q $(NUMERICAL); \
	else echo 'Not tested as on $*: this processor has no $(NEEDS).'; fi

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
