# `make demo` and `make test` do all set-up on a fresh machine (Python 3.11, Debian).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint fix bench docs all clean

demo: $(VENV)/ready
	$(BIN)/moisson demo

test: $(VENV)/ready-dev lint
	$(BIN)/pytest -n 2

lint: $(VENV)/ready-dev
	$(BIN)/ruff check src tests benches
	$(BIN)/ruff format --check src tests benches
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/ready-dev
	$(BIN)/ruff check --fix src tests benches
	$(BIN)/ruff format src tests benches

bench: $(VENV)/ready-dev
	$(BIN)/python -m benches.harvest demo
	$(BIN)/python -m benches.files demo/media/AMP-001.E01
	$(BIN)/python -m benches.search 100000

docs: $(VENV)/ready-dev
	$(BIN)/pytest -n 2 tests/test_docs.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { echo "moisson: python3-venv is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --upgrade pip

$(VENV)/ready: $(VENV)/bin/python pyproject.toml setup.py $(wildcard src/native/*)
	@sh tools/system-packages
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/ready-dev: $(VENV)/ready
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV)
