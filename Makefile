# Everything runs in a virtual environment of the project's own, made on first use. It needs
# python3 (3.11 or newer, with venv), make and a package index.
#   make PYTHON=python3.12 VENV=.venv312 test    another interpreter beside the first
#   make test PYTEST_ARGS="--no-cov tests/core"  some of the tests

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
# One process more than there are processors, as many tests wait. The tests of a file stay together:
# they share its servers.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-celery demo-django test lint check bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## record real traffic, replay it on changed code, compare
	$(BIN)/python examples/basic_service_operation.py
	$(BIN)/python examples/studio.py
	$(BIN)/python -m examples.flask_shop.demo

demo-celery: $(INSTALLED) ## the same for tasks of Celery, with a real worker and broker
	$(BIN)/python -m examples.celery_orders.demo

demo-django: $(INSTALLED) ## the same with a Django project, by gunicorn and by uvicorn
	$(BIN)/python -m examples.django_shop.demo

test: $(INSTALLED) ## run the tests and hold branch coverage
	@# Hundreds of processes import them, and not each environment has Python keep what it compiles.
	$(BIN)/python -m compileall -q playback_* tests examples
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term $(PYTEST_ARGS)

lint: $(INSTALLED) ## check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## lint, then test: what CI runs
	$(MAKE) --no-print-directory test

bench: $(INSTALLED) ## measure speed against the bases of docs/benchmarks.md
	$(BIN)/python -m benchmarks

clean: ## remove the environment and everything generated
	rm -rf $(VENV) .bench-venv benchmarks.json build dist htmlcov .coverage .coverage.* .nox
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# The stamp is inside the environment and written last: what interrupts or fails leaves none, and
# the next run starts afresh.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(\
	"Python 3.11 or newer is needed, this is " + sys.version.split()[0] + \
	". Name another one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
