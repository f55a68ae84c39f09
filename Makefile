# `make` lists the targets: a line of help is what stands after two # beside one. Sizes and times were measured on 2 cores.
SHELL := /bin/bash
PYTHON ?= python3
CORES ?= all
STUDY ?= digits
OPTIONS ?=
MINUTES ?= 25
KILLS ?= 60
SEED ?= 0
XDIST ?= --numprocesses 2 --dist worksteal
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

.DEFAULT_GOAL := help
.PHONY: help reproduce announce setup test test-slow test-timm torture lint bench bench-inference bench-sparse lock clean
.DELETE_ON_ERROR:

help: ## this list
	@echo "exitprune: prune early-exit networks and find out what that buys. Targets:"
	@echo
	@awk -F ' *## *' '/^[a-z-]+:.*##/ { split($$1, name, ":"); printf "  make %-16s %s\n", name[1], $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Whatever needs packages sets up .venv first, once: 5.7 GB on disk, three minutes, Python 3.11 or newer."
	@echo "After that the command exitprune is there too: source .venv/bin/activate; exitprune --help"

reproduce: announce .venv/installed ## the default study, digits: about 5 minutes, 0.7 GB; ends with results/digits/report.html; STUDY=name runs another
	snakemake --cores $(CORES) --config records=here $(if $(filter-out file,$(origin STUDY)),study=$(STUDY))

announce:
	@echo "1. packages into .venv: 5.7 GB on disk, about three minutes; $$(test -e .venv/installed && echo 'they are there' || echo 'they are downloaded now')"
	@echo "2. the study: no more downloads for the default, digits; about 5 minutes on 2 cores and 0.7 GB in runs/"
	@echo "Stop it whenever you like (Ctrl-C); the same command goes on from where it was."

setup: .venv/installed ## the packages alone, into .venv: 5.7 GB, about three minutes

test: .venv/installed ## the fast tests: about 5 minutes
	python -m pytest -m "not slow" $(XDIST)

test-slow: .venv/installed ## the slow tests, whole studies in throw-away clones: tens of minutes
	python -m pytest -m slow $(XDIST)

test-timm: .venv/timm ## the tests of timm's networks, which need timm: minutes
	PYTHONPATH=.venv/timm python -m pytest -m slow -k timm tests/networks/test_any_network.py tests/stages/test_networks_of_others.py $(XDIST)

torture: .venv/installed ## kills, full disks, flipped bits, foreign files, commands in any order: 40 minutes; writes docs/reliability.md
	python -m tests.torture --minutes $(MINUTES) --kills $(KILLS) --seed $(SEED)

lint: .venv/installed ## style and types: about a minute
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow

bench: .venv/installed ## how fast training and the study are here, into docs/bench.md: tens of minutes
	python -m benchmarks

# Trains the networks, the rivals and the filter study of STUDY, if it has one, times everything, and draws it into the reports. OPTIONS: --quick, --no-compiled.
bench-inference: .venv/installed ## what exits and pruning save by the clock, into the reports: an hour or more (less with OPTIONS=--quick)
	python -m benchmarks.inference $(STUDY) $(OPTIONS) --check
	snakemake --cores $(CORES) --config study=$(STUDY) -- all checkpoints rivals
	test ! -e presets/$(STUDY)-filter.yaml || snakemake --cores $(CORES) --config study=$(STUDY)-filter -- all checkpoints
	python -m benchmarks.inference $(STUDY) $(OPTIONS)
	snakemake --cores $(CORES) --config study=$(STUDY)
	test ! -e presets/$(STUDY)-filter.yaml || snakemake --cores $(CORES) --config study=$(STUDY)-filter

bench-sparse: .venv/installed ## sparse kernels against dense ones here, into docs/sparse-times.md: two minutes
	python -m benchmarks.sparse

# uv installs in a fraction of pip's time where it is there; the versions are the lock's either way.
.venv/installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed and $(PYTHON) was not found; try make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}; try make PYTHON=python3.12")'
	@echo "Setting up .venv, once: 5.7 GB, most of it PyTorch with its CUDA libraries; about three minutes."
	@$(PYTHON) -m venv .venv
	@(while sleep 15 >/dev/null 2>&1; do echo "  $$(du -sm .venv | cut -f 1) of about 5700 MB are there"; done) & ticker=$$!; trap "kill $$ticker" EXIT; set -e; \
	if command -v uv >/dev/null; then \
	  uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock; \
	  uv pip install --quiet --python .venv/bin/python --no-deps --editable .; \
	else \
	  python -m pip install -qq --require-hashes -r requirements.lock; \
	  python -m pip install -qq --no-deps --editable .; \
	fi
	@touch $@
	@echo "  .venv is ready"

# Beside the other packages, not among them: where timm is, ptflops, which tests hold costs against, warns while it is imported.
.venv/timm: .venv/installed
	python -m pip install --quiet --no-deps --target $@ timm==1.0.31

# Exact versions with hashes for all platforms, without download addresses. Needs uv.
lock: ## requirements.lock anew from pyproject.toml; needs uv
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --no-strip-extras --extra dev --constraint constraints.in pyproject.toml --output-file requirements.lock

clean: ## remove .venv, logs and caches; what was computed, runs/ and results/, stays
	rm -rf .venv logs .mypy_cache .ruff_cache .pytest_cache
