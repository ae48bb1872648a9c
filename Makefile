# Two commands matter: `make demo` and `make test`. Both set up everything they need in .venv.
PYTHON ?= python3
BIN := .venv/bin
# Python compiles what is used when it is first used; compiling everything would double the wait for the demo.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-compile

.PHONY: demo test check unit browser crash screens words fmt lock fuzz bench bench-engine bench-writer bench-pages bench-term clean

demo: .venv/.runtime
	@$(BIN)/peer-allocator demo

test: check
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: .venv/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: .venv/.development
	$(BIN)/python -m pytest tests/unit

browser: .venv/.development
	$(BIN)/python -m pytest -m browser

# The pictures in README and docs are made by the browser tests; look at them before you commit them.
screens: .venv/.development
	PEER_ALLOCATOR_SCREENS=docs/screens $(BIN)/python -m pytest tests/e2e

# Every point at which a worker can die, on SQLite and PostgreSQL, many days of two teachers, and every parser with
# 1 MB of its worst input; `test` has a sample of each.
crash: .venv/.development
	PEER_ALLOCATOR_CRASH=all $(BIN)/python -m pytest -n 2 --dist worksteal tests/crash \
		tests/unit/test_linear_parsers.py

# Bring new and changed sentences into the translations, for translators to fill in; the pages read the .po files.
words: .venv/.development
	$(BIN)/python -m tests.sentences

fmt: .venv/.development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Small classes with all rules and goals combined, against CP-SAT; the tests run the first 500. Hours; Ctrl-C shows the table so far.
fuzz: .venv/.development
	$(BIN)/python -m benchmarks.fuzz

bench bench-engine: .venv/.development
	$(BIN)/python -m benchmarks.engine

bench-writer: .venv/.development
	$(BIN)/python -m benchmarks.writer

bench-pages: .venv/.development
	$(BIN)/python -m benchmarks.pages

bench-term: .venv/.development
	$(BIN)/python -m benchmarks.term

# Needs uv (https://docs.astral.sh/uv/) on the path; the lock files name no package index.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet --upgrade
lock:
	$(LOCK) --group build --output-file requirements.lock
	$(LOCK) --group build --extra postgresql --extra redis --output-file requirements-servers.lock
	$(LOCK) --group build --group dev --output-file requirements-dev.lock

clean:
	rm -rf .venv instance build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."'
	@$(PYTHON) -m venv .venv

.venv/.runtime: .venv/pyvenv.cfg requirements.lock pyproject.toml
	@echo "Setting up in .venv (about half a minute) ..."
	@$(PIP) --require-hashes --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.development: .venv/pyvenv.cfg requirements-dev.lock pyproject.toml
	@echo "Setting up for development in .venv (about a minute) ..."
	@$(PIP) --require-hashes --requirement requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.runtime
