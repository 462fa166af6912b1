# Needs python3 (3.11 or newer), make and git. Everything else is set up in .venv, once.
PYTHON ?= python3
BIN := .venv/bin

# Tests start hundreds of programs; each would otherwise compile all of its sources anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test lint check bench docs clean

help:
	@echo "make demo   sets up and shows the whole road on real patients"
	@echo "make test   sets up and runs every test"
	@echo "make check  what CI runs: format, types, floors, generated docs, tests"
	@echo "make bench  every measurement at small size, each beside its baseline"
	@echo "make docs   writes docs/reference anew from the code"
	@echo "make clean  removes what these made"

setup:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "make: there is no '$(PYTHON)' on this machine."; \
	  echo "  Install Python 3.11 or newer (Debian, Ubuntu: sudo apt install python3 python3-venv),"; \
	  echo "  or name yours: make PYTHON=/path/to/python3 demo"; \
	  echo "  请安装 Python 3.11 或更新版本，或指定解释器路径。"; \
	  exit 1; }
	@$(PYTHON) requirements/install.py

demo: setup
	@$(BIN)/python demo/ncctg.py

test: setup
	@$(BIN)/pytest -n auto --dist worksteal

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python docs/generate.py --check

check: lint test

bench: setup
	@for each in bench/*.py; do echo "== $$each"; $(BIN)/python $$each || exit 1; done
	@echo "These are small sizes; each file takes --large, e.g. $(BIN)/python bench/secure_sum.py --large"

docs: setup
	@$(BIN)/python docs/generate.py

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build src/*.egg-info
	find src tests bench docs demo -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
