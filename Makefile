# Everything that a developer or a visitor runs. Needs Python 3.10 or later with pip, and make;
# uv, and through it all else, is fetched into this folder (.tools, .venv).

PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 3
SERVICES ?=
UV := $(or $(shell command -v uv),.tools/bin/uv)
RUN := .venv/bin/

.DEFAULT_GOAL := help
.PHONY: help install demo test coverage check format format-check lint pyright mypy bench build clean

help: ## What there is to run
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.tools/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools uv

install: $(UV) ## Set everything up
	$(UV) sync --quiet --locked --all-packages

demo: install ## Serve a working chat on 127.0.0.1 (PORT=8000)
	PORT=$(PORT) $(RUN)python examples/demo/server.py

test: install ## Run every test (WORKERS=3 side by side; SERVICES=containers or processes)
	CHATKIT_TEST_SERVICES=$(SERVICES) $(RUN)pytest -n $(WORKERS) --dist worksteal

coverage: install ## Run every test, and show which lines none has run
	CHATKIT_TEST_SERVICES=$(SERVICES) $(RUN)pytest -n $(WORKERS) --dist worksteal \
		--cov --cov-report=term:skip-covered

check: format-check lint pyright mypy ## Run all static checks

format: install ## Put the code in its standard form
	$(RUN)ruff format
	$(RUN)ruff check --fix-only --quiet

format-check: install
	$(RUN)ruff format --check

lint: install ## Look for mistakes
	$(RUN)ruff check

pyright: install ## Check types, strictly
	$(RUN)pyright

mypy: install ## Check types, with the other checker
	$(RUN)mypy

bench: install ## Measure what it costs beside others (ONLY=core; QUICK=1: in two minutes)
	$(RUN)python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

build: install ## Build a wheel and an sdist of each package into dist/
	rm -rf dist
	$(UV) build --quiet --all-packages --out-dir dist

clean: ## Remove what was set up and built
	rm -rf .tools .venv dist .coverage .mypy_cache .pytest_cache .ruff_cache benchmarks/.envs
