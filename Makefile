# Everything a fresh machine needs is set up by the command that needs it.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SECONDS ?= 600
SEED ?=

.DEFAULT_GOAL := help
.PHONY: help demo test soak lint format goldens graphviz chromium grammar bench gallery clean

help: ## Show these commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "archdsl needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[train,dev]'
	@touch $@

graphviz: # Debian's package where it may be installed; else only `render --svg` is missing
	@command -v dot >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && apt-get install -y -qq graphviz; } >/dev/null || true; \
	fi; \
	command -v dot >/dev/null || \
	  echo "Graphviz is not installed, so pictures are skipped. Debian: sudo apt-get install graphviz; macOS: brew install graphviz"

chromium: # the same; else only the tests of the page in a browser are missing
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver; } >/dev/null || true; \
	fi; \
	command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
	  echo "Chromium is not installed, so the page is not tested in a browser. Debian: sudo apt-get install chromium chromium-driver"

demo: $(VENV)/installed graphviz ## Check, render, emit and train, in a minute or two
	$(BIN)/archdsl check specs/alexnet.arch
	$(BIN)/archdsl check specs/alexnet_224.arch || [ $$? = 1 ]
	@mkdir -p build
	@if command -v dot >/dev/null; then set -x; \
	  $(BIN)/archdsl render specs/alexnet.arch -o build/alexnet.svg; fi
	$(BIN)/archdsl emit specs/small.arch -o build/small.py
	$(BIN)/archdsl train specs/small.arch

test: $(VENV)/installed graphviz chromium ## Lint, check types, run every test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest

soak: $(VENV)/installed ## Test with random networks and broken files for SECONDS=600, from SEED=
	ARCHDSL_SOAK=$(SECONDS) ARCHDSL_SEED=$(SEED) $(BIN)/pytest tests/soak

lint: $(VENV)/installed ## Lint and check types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/installed ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

grammar: $(VENV)/installed ## Write the parse table of the grammar anew
	$(BIN)/python -m archdsl.syntax.tabulate

$(VENV)/bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	@touch $@

bench: $(VENV)/bench ## Measure against n-orca, torchinfo and torchview, in minutes; fail if a bound is missed
	$(BIN)/python bench/run.py

gallery: $(VENV)/installed graphviz ## Draw the pictures of examples/gallery anew
	$(BIN)/python examples/gallery/draw.py

goldens: $(VENV)/installed ## Write the golden files anew, to be reviewed as a diff
	ARCHDSL_UPDATE_GOLDENS=1 $(BIN)/pytest -q

clean: ## Remove the virtual environment and what the demo wrote
	rm -rf $(VENV) build
