# make reproduce: the whole default study. make test: the tests. Both set up .venv from requirements.lock first.
SHELL := /bin/bash
PYTHON ?= python3
CORES ?= all
STUDY ?= digits
OPTIONS ?=
XDIST ?= --numprocesses 2
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: reproduce test test-slow lint bench bench-inference lock clean
.DELETE_ON_ERROR:

reproduce: .venv/installed
	snakemake --cores $(CORES)

test: .venv/installed
	python -m pytest -m "not slow" $(XDIST)

test-slow: .venv/installed
	python -m pytest -m slow $(XDIST)

lint: .venv/installed
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow

bench: .venv/installed
	python -m benchmarks

# Trains the rivals and the filter study of STUDY, times everything, and draws it into both reports. OPTIONS: --quick, --no-compiled.
bench-inference: .venv/installed
	python -m benchmarks.inference $(STUDY) $(OPTIONS) --check
	snakemake --cores $(CORES) --config study=$(STUDY) -- all rivals
	snakemake --cores $(CORES) --config study=$(STUDY)-filter
	python -m benchmarks.inference $(STUDY) $(OPTIONS)
	snakemake --cores $(CORES) --config study=$(STUDY)
	snakemake --cores $(CORES) --config study=$(STUDY)-filter

# uv installs in a fraction of pip's time where it is there; the versions are the lock's either way.
.venv/installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed and $(PYTHON) was not found; try make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	if command -v uv >/dev/null; then \
	  uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python .venv/bin/python --no-deps --editable .; \
	else \
	  python -m pip install --quiet --require-hashes -r requirements.lock && \
	  python -m pip install --quiet --no-deps --editable .; \
	fi
	touch $@

# Exact versions with hashes for all platforms, without download addresses. Needs uv.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --no-strip-extras --extra dev --constraint constraints.in pyproject.toml --output-file requirements.lock

clean:
	rm -rf .venv logs .mypy_cache .ruff_cache .pytest_cache
