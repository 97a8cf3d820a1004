# make demo: from a fresh clone to coaching reports of the sample calls in out/demo.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALLED := $(VENV)/.installed
FOR_DEMO := $(VENV)/.installed-for-demo
SAMPLES := sample_audio/calls
DEMO := out/demo
DEMO_STORE := out/demo-store/callcoach.sqlite

WAVESURFER := wavesurfer.js@8.0.1
VENDOR := pipeline/reports/assets/vendor
EXTRAS := dask dev diarization pdf postgres s3

.PHONY: demo install server test test-quick lint accuracy bench scale fit fuzz audit lock vendor clean

demo: $(FOR_DEMO)
	@echo "Analyzing the sample calls: one to three minutes."
	CALLCOACH_STORE__URL=sqlite:///$(CURDIR)/$(DEMO_STORE) $(BIN)/callcoach analyze $(SAMPLES) --out $(DEMO)
	@echo "Open $(DEMO)/index.html in a browser."

install: $(INSTALLED)

# A Prefect server with its pages on this machine, a worker and every deployment, until Ctrl-C.
PORT ?= 4200
server: $(INSTALLED)
	$(BIN)/python -m flows.serve --port $(PORT)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# What analyzing calls needs: no Prefect, no torch, no tests; 1.4 GB. `make install` adds the rest.
$(FOR_DEMO): requirements-demo.lock pyproject.toml | $(BIN)/python
	@$(BIN)/python deploy/install.py requirements-demo.lock
	@touch $@

$(INSTALLED): requirements.lock pyproject.toml | $(BIN)/python
	@$(BIN)/python deploy/install.py requirements.lock
	$(PIP) check
	@touch $(FOR_DEMO) $@

# Two processes; a file is run by one of them, the dearest first (tests/conftest.py).
TESTS := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
test: $(INSTALLED)
	$(TESTS)

# About a minute: what needs no model, server, cluster or browser and starts no processes.
test-quick: $(INSTALLED)
	$(TESTS) -m "not slow and not models and not server and not cluster and not browser"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# NATURAL=folder: of natural conversations (tests/benchmarks/natural.py), which are no part of the project.
# TURNS=folder: of labeled natural turn-taking (tests/benchmarks/natural_turns.py).
# SPOKEN=folder: the same, some of it spoken by flite (tests/benchmarks/rendered_turns.py); takes ten minutes.
# VOICES=folder: of interviews, into which interruptions are laid (tests/benchmarks/laid_in.py); as long.
NATURAL ?=
TURNS ?=
SPOKEN ?=
VOICES ?=
accuracy: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.accuracy $(NATURAL:%=--natural %) $(TURNS:%=--turns %) $(SPOKEN:%=--spoken %) $(VOICES:%=--voices %)

bench: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.bench

# Fits the recognition of speech acts by meaning, after labeled sentences or examples have changed.
fit: $(INSTALLED)
	@test -n "$(NATURAL)" || { echo "Say where natural conversations are: make fit NATURAL=folder" >&2; exit 1; }
	$(BIN)/python -m tests.benchmarks.fit_speech_acts $(NATURAL)

scale: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.scale $(ARGUMENTS)

# Fuzzes every reader of files for SECONDS each; what breaks one is kept in out/fuzz.
SECONDS ?= 60
TARGETS ?= $(shell $(BIN)/python -c 'from tests.fuzz.targets import TARGETS; print(*TARGETS)')
fuzz: $(INSTALLED)
	$(PIP) install --editable ".[fuzz]"
	set -e; for target in $(TARGETS); do $(BIN)/python -m tests.fuzz $$target --seconds $(SECONDS); done

# Hashes, licenses, known vulnerabilities (by pypi.org) and a bill of materials, in out/audit.
AUDIT := .venv-audit
audit: $(INSTALLED)
	test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r deploy/audit.lock
	$(BIN)/python -m deploy.audit $(AUDIT)/bin out/audit

# Pins what development and tests need, with the hashes of all files of each version.
lock: $(INSTALLED)
	$(PIP) install pip-tools
	$(BIN)/pip-compile --quiet $(EXTRAS:%=--extra=%) --no-strip-extras --allow-unsafe --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml
	$(BIN)/python deploy/lock_subset.py build --without prefect > requirements-demo.lock
	$(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file deploy/audit.lock deploy/audit.in

# The player of the reports, from its npm package; tests compare the files with SOURCES.json.
vendor:
	tar=$$(npm pack --silent $(WAVESURFER)) && \
	tar --extract --gzip --file $$tar --strip-components=2 --directory $(VENDOR) package/dist/wavesurfer.min.js && \
	tar --extract --gzip --file $$tar --strip-components=3 --directory $(VENDOR) package/dist/plugins/regions.min.js && \
	tar --extract --gzip --file $$tar --to-stdout package/LICENSE > $(VENDOR)/LICENSE.wavesurfer && rm $$tar

clean:
	rm -rf out build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
