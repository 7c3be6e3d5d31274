# One command each; `make help` lists them.
VENV ?= .venv
PYTHON ?= python3
PY := $(VENV)/bin/python
DEMO_SECONDS ?= 120
JOBS ?= 2
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

.PHONY: help setup demo test check bench figures arm64 generate lock clean system-packages

help: ## list the commands
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@echo "creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "install the venv module first: apt-get install python3-venv"; exit 1; }

$(VENV)/.demo: requirements/demo.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing the run-time packages (about a minute)"
	@$(PIP) --require-hashes -r requirements/demo.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing the development packages (about a minute)"
	@$(PIP) --no-deps --require-hashes -r requirements/dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo

setup: $(VENV)/.demo ## create .venv from the lock; safe to repeat

demo: setup ## a whole intersection on this machine: make demo DEMO_SECONDS=60
	@$(VENV)/bin/edge demo --seconds $(DEMO_SECONDS)

system-packages: ## Debian packages that the tests use
	@sh deploy/install-system-packages.sh

test: $(VENV)/.dev system-packages ## unit tests in parallel, then contract, replay, end to end and fault tests
	EDGE_NO_SKIP=1 $(PY) -m pytest tests/unit -n $(JOBS) -q
	EDGE_NO_SKIP=1 $(PY) -m pytest tests/contract tests/replay tests/e2e tests/faults -q

check: $(VENV)/.dev ## format, lint, types, import contract, generated code
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) protos/generate.py --check
	$(PY) -m edge.v2x.compiler --check

bench: $(VENV)/.dev ## every bench, each at most 10 minutes
	@set -e; for bench in tests/bench/bench_*.py; do echo "== $$bench"; $(PY) $$bench; done

arm64: $(VENV)/.dev ## the node's aarch64 wheels under emulation, compared with this machine
	@sh deploy/arm64/run.sh $(PY)

figures: $(VENV)/.dev ## refresh the regression table of the fusion
	$(PY) tests/bench/fusion_table.py --write

generate: $(VENV)/.dev ## refresh generated code
	$(PY) protos/generate.py
	$(PY) -m edge.v2x.compiler

lock: ## refresh requirements/*.lock (needs uv)
	requirements/compile.sh

clean: ## remove what the commands made
	rm -rf $(VENV) dist build state demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis
