# The few commands of this project, for people and for CI. Needs: Python 3.11 or newer, make, a network.
# `make serve` installs the runtime only; the others install what development needs. Pass options with ARGS="…".

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# An accelerator that not every machine has a wheel for; the service works without it.
FAST = $(PIP) install --constraint constraints.txt --only-binary shacl --editable '.[fast]' || \
	echo "There is no wheel of the accelerator 'shacl' for this machine; guarded commits are slower without it."
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed

.DEFAULT_GOAL := help
.PHONY: help serve components automata test quick exactness kills leaks fuzz lint format bench docs constraints clean

help: ## list these commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

serve: $(RUNTIME) ## start the service with the demonstration graph and print its link
	@$(BIN)/kgservice serve --demo $(ARGS)

components: ## build the scripts and style sheets of the pages from web/ (needs Node 20.19 or newer)
	cd web && npm ci --ignore-scripts --no-audit --no-fund && npm run build

automata: $(RUNTIME) ## work out what the shipped shapes can look at, after a change of shapes/
	$(BIN)/python -m kgservice.shacl.compile

test: $(DEV) ## run all tests
	@.ci/mariadb || true
	@.ci/spark || true
	@.ci/browser || true
	$(BIN)/python -m pytest -n 2 $(ARGS)

quick: $(DEV) ## run all tests but the slow ones: for every day
	$(BIN)/python -m pytest -n 2 -m "not slow" $(ARGS)

exactness: $(DEV) ## compare validation with plain pySHACL over 100,000 random changes: takes half an hour or more
	$(BIN)/python -m tests.property.exactness $(ARGS)

kills: $(DEV) ## kill the service under load 2,000 times and look for what is lost: takes two hours
	$(BIN)/python -m tests.server.kills $(ARGS)

leaks: $(DEV) ## ask 20,000 random questions of one purpose and look for what it may not see: takes minutes
	$(BIN)/python -m tests.property.leaks $(ARGS)

fuzz: $(DEV) ## send the service and its readers of texts much that is random or broken: takes an hour
	FUZZ=200 FUZZ_SEED=$$(date +%s) $(BIN)/python -m pytest tests/http/test_openapi.py \
		tests/http/test_broken_requests.py tests/property/test_parsers.py $(ARGS)

lint: $(DEV) ## check style and types
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/mypy

format: $(DEV) ## put the sources into the agreed form
	$(BIN)/ruff check --fix-only --quiet src tests benchmarks docs
	$(BIN)/ruff format src tests benchmarks docs

bench: $(DEV) ## measure against a bare Oxigraph server and rdflib, write benchmarks/results/
	$(BIN)/python -m benchmarks.run $(ARGS)

docs: $(DEV) ## build the documentation into docs/_build/html, warnings as errors
	$(BIN)/kgservice docs ontology --output docs/_build/html/ontology
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

constraints: $(DEV) ## write the versions installed now into constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools > constraints.txt

clean: ## remove what these commands made, but not data/
	rm -rf $(VENV) docs/_build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "kgservice needs Python 3.11 or newer; none was found. \
	Install one, or name it: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "kgservice needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: \
	its module ensurepip is missing (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the service into $(VENV)"
	@$(PIP) install --constraint constraints.txt --editable .
	@$(FAST)
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the service and its development tools into $(VENV)"
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@$(FAST)
	@touch $(RUNTIME) $@
