# Syncline: `make help` lists what there is. Everything runs from .venv, which the targets make by themselves.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
STAMP_RUN := $(VENV)/.stamp-run
STAMP_DEV := $(VENV)/.stamp-dev
STAMP_LAB := $(VENV)/.stamp-lab
CODE := core console local_org

# Arguments passed on: make demo ARGS="--once --json", make test ARGS="tests/unit -x"
ARGS ?=
# Test processes; the budgets of the suites are for two.
WORKERS ?= 2

# Driven in a browser, beside the rest of the suite.
STORIES := tests/e2e/test_story.py tests/e2e/test_walk_through.py

UV ?= uv
LOCK := $(UV) pip compile pyproject.toml --universal --python-version 3.11 --no-header --no-emit-index-url \
	--generate-hashes --quiet

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

# --- set-up ----------------------------------------------------------------------------------------------------------

$(BIN)/python:
	@for python in $${PYTHON:-python3.13 python3.12 python3.11 python3}; do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "making $(VENV) with $$("$$python" --version)" >&2; exec "$$python" -m venv $(VENV); \
	  fi; \
	done; \
	echo "No Python >= 3.11 with venv was found (on Debian: apt-get install python3-venv)." \
	  "Name one with: make PYTHON=/path/to/python ..." >&2; exit 1

# The project's own entry goes in without isolation: its build tools are in the lock too, with hashes.
$(STAMP_RUN): requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing from requirements.lock (a minute or two)" >&2
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# requirements-dev.lock holds everything of requirements.lock at the same versions.
$(STAMP_DEV): requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing from requirements-dev.lock (a minute or two)" >&2
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(STAMP_RUN) $@

$(STAMP_LAB): requirements-lab.lock $(STAMP_RUN) | $(BIN)/python
	@echo "installing from requirements-lab.lock" >&2
	@$(PIP) install --require-hashes --requirement requirements-lab.lock
	@touch $@

SUITE := $(BIN)/pytest -q --durations=25 --numprocesses $(WORKERS) --dist loadgroup -m "not nightly" $(addprefix --ignore ,$(STORIES))
STORY := $(BIN)/pytest -q $(STORIES)

.PHONY: install
install: $(STAMP_DEV) ## make .venv with everything for development

# Root on Debian gets what the tests need and the machine lacks; elsewhere the suite says what is missing.
.PHONY: tools
tools:
	@missing=""; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || [ -n "$${SYNCLINE_TEST_BROWSER:-}" ] || missing="$$missing chromium fonts-liberation"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing$$missing" >&2; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$missing; } >&2 || echo "apt-get could not install$$missing" >&2; \
	fi

# --- run -------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(STAMP_RUN) ## practice org, sample workspace, first runs and console (ARGS="--once --json")
	@$(BIN)/syncline demo $(ARGS)

.PHONY: lab
lab: $(STAMP_LAB) ## the notebooks in JupyterLab, on loopback
	@$(BIN)/jupyter lab --ip 127.0.0.1 --notebook-dir notebooks $(ARGS)

# --- prove -----------------------------------------------------------------------------------------------------------

# Both wait a good deal, so they run beside each other. The story gets a second try, alone on the machine: a browser that
# lost a click to a busy machine is no finding, twice it is one.
.PHONY: test
test: $(STAMP_DEV) tools ## the whole suite; with CI=true a missing browser, PostgreSQL or node fails it
	@$(if $(ARGS),exec $(SUITE) $(ARGS); )mkdir -p build; $(STORY) >build/story.log 2>&1 & story=$$!; failed=0; \
	$(SUITE) || failed=1; \
	wait $$story && tail -n 1 build/story.log || { cat build/story.log; echo "the story again, alone" >&2; $(STORY) || failed=1; }; \
	exit $$failed

.PHONY: story
story: $(STAMP_DEV) tools ## drive the whole way and the walk-through in a real browser, with pictures in build/e2e
	@$(STORY) $(ARGS)

.PHONY: screenshots
screenshots: $(STAMP_DEV) tools ## a picture of every page of a fresh demo, into docs/images
	@$(BIN)/python -m tests.e2e.pictures docs/images

.PHONY: nightly
nightly: $(STAMP_DEV) tools ## the long profiles that `make test` leaves out
	@$(BIN)/pytest -q --numprocesses $(WORKERS) --dist loadgroup -m nightly $(ARGS)

.PHONY: test-interop
test-interop: $(STAMP_DEV) tools ## real clients, unmodified, on the practice org; each in its own environment under build/
	@$(BIN)/pytest -q tests/interop $(ARGS)

.PHONY: bench
bench: $(STAMP_DEV) ## how fast it is, as a table and build/benchmarks.json (NAME=local_org.inserting SCALE=0.1)
	@SCALE="$(or $(SCALE),1)" $(BIN)/python -m benchmarks $(NAME)

.PHONY: requirements
requirements: $(STAMP_DEV) tools ## requirement id -> tests -> result, also as build/requirements.json
	@$(BIN)/pytest -q --numprocesses $(WORKERS) --dist loadgroup -m "requirement and not nightly" \
	  --requirements-report build/requirements.json $(ARGS)

.PHONY: check
check: lint types layers security docs audit ## all checks that run no code: lint, types, layers, security, docs, audit

.PHONY: format
format: $(STAMP_DEV) ## put the code into its one format and order its imports
	@$(BIN)/ruff check --select I --fix --quiet .
	@$(BIN)/ruff format --quiet .

.PHONY: lint
lint: $(STAMP_DEV) ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(STAMP_DEV) ## mypy --strict
	@$(BIN)/mypy --strict $(addprefix --package ,$(CODE))

.PHONY: layers
layers: $(STAMP_DEV) ## import-linter: rooms look downward only
	@$(BIN)/lint-imports --no-logo

.PHONY: security
security: $(STAMP_DEV) ## bandit
	@$(BIN)/bandit --quiet --recursive --severity-level medium --configfile pyproject.toml $(CODE)

.PHONY: docs
docs: $(STAMP_DEV) ## tables and links of the documentation, house rules
	@$(BIN)/pytest -q tests/architecture

# pip-audit asks a vulnerability service; where none answers, that is said and is no failure.
.PHONY: audit
audit: $(STAMP_DEV) ## pip-audit of the lock, where its service can be reached
	@mkdir -p build; \
	if timeout 180 $(BIN)/pip-audit --disable-pip --require-hashes --requirement requirements.lock \
	  --progress-spinner off >build/audit.txt 2>&1; then cat build/audit.txt; \
	elif grep -qE 'known vulnerabilit' build/audit.txt; then cat build/audit.txt; exit 1; \
	else echo "pip-audit: left out, its service did not answer (build/audit.txt)"; fi

# --- keep ------------------------------------------------------------------------------------------------------------

.PHONY: lock
lock: ## the lock files anew, with hashes and without addresses (needs uv; ARGS="--upgrade")
	@$(LOCK) --extra build --output-file requirements.lock $(ARGS)
	@$(LOCK) --extra build --extra dev --constraint requirements.lock --output-file requirements-dev.lock $(ARGS)
	@$(LOCK) --extra build --extra notebooks --constraint requirements-dev.lock --output-file requirements-lab.lock $(ARGS)

.PHONY: clean
clean: ## remove .venv, caches and build
	@rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
