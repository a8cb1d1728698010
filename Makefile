# Every chore has its one entry here; `make help` lists them. Each target installs what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PYTEST := QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest
export SEALKEEPER_HOME := $(or $(SEALKEEPER_HOME),$(CURDIR)/.home)

.PHONY: help setup run test lint format bounds chaos bench screenshots lock clean setup-run

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: system packages, .venv with the locked packages
	@$(PYTHON) packaging/bootstrap.py dev

setup-run:
	@$(PYTHON) packaging/bootstrap.py run

run: setup-run ## start the console, or the quickstart where there is no display (ARGS=...)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname -s)" = Darwin ]; then \
		exec $(BIN)/python -m app console $(ARGS); \
	else \
		echo "There is no display, so the quickstart runs instead of the console." >&2; \
		exec $(BIN)/python -m app quickstart $(ARGS); \
	fi

test: setup ## run the tests (ARGS=... goes to pytest)
	@$(PYTEST) -n 2 --dist loadfile --max-worker-restart=0 $(ARGS)

lint: setup ## check form, rules, types and the direction of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy app tests packaging
	@$(BIN)/lint-imports

format: setup ## format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bounds: setup ## run the tests of bounds on time, alone, on a quiet machine
	@$(PYTEST) -n 0 -m bound $(ARGS)

chaos: setup ## run what takes long: 200 kills of isolation processes, and more
	@$(PYTEST) -n 0 -m slow $(ARGS)

bench: setup ## measure (ARGS=...)
	@$(BIN)/python -m tests.bench $(ARGS)

screenshots: setup ## write the pictures of the documentation to docs/screenshots
	@QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1920x1200x24" \
		$(BIN)/python -m pytest -n 0 -m screenshots $(ARGS)

lock: setup ## lock the newest versions that pyproject.toml allows
	@$(BIN)/python packaging/lock.py

clean: ## remove what was installed and built in the checkout, but not .home
	@rm -rf .venv .local build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		.hypothesis .grimp_cache
	@find app tests packaging -name __pycache__ -type d -prune -exec rm -rf {} +
