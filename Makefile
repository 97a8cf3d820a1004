# make demo: from a fresh clone to coaching reports of the sample calls in out/demo.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SAMPLES := sample_audio/calls
DEMO := out/demo

.PHONY: demo install test lint accuracy bench lock clean

demo: $(INSTALLED)
	$(BIN)/callcoach nightly --source $(SAMPLES) --out $(DEMO)
	@echo "Open $(DEMO)/index.html in a browser."

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@

test: $(INSTALLED)
	$(BIN)/python -m pytest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

accuracy: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.accuracy

bench: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.bench

# Pins everything, development tools included, with the hashes of all files of each version.
lock: $(INSTALLED)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet pip-tools
	$(BIN)/pip-compile --quiet --all-extras --strip-extras --allow-unsafe --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml

clean:
	rm -rf out build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
