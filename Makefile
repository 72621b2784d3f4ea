# Two commands: `make demo` and `make test`. Both make .venv on a fresh machine with Python ≥ 3.11.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
WORKERS ?= 2

.PHONY: demo demo-small test quick lint types format docs site wheel clean

demo: .venv/base
	$(BIN)/regard demo --out demo

demo-small: .venv/base
	$(BIN)/regard demo --small --out $(or $(OUT),demo)

test: lint types
	$(BIN)/python -m pytest -n $(WORKERS)

quick: lint types
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/dev
	$(BIN)/mypy

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The pages that are made from the code.
docs: .venv/base
	$(BIN)/python docs/generate.py

# The site of docs/, in build/site/index.html. `--strict`: a link to nothing ends it.
site: .venv/docs
	$(BIN)/python docs/site_pages.py
	$(BIN)/zensical build --clean --strict

# A wheel for other Linux machines, in dist/: auditwheel finds the oldest glibc that it runs with, and names it in the tag.
# Then it is tried in a virtual environment outside the checkout.
wheel: .venv/dev
	rm -rf build/wheel dist
	$(BIN)/python -m pip wheel --quiet --no-deps -w build/wheel .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair -w dist build/wheel/*.whl
	$(BIN)/python tests/try_wheel.py dist/*.whl

# torch comes first and pinned: an unpinned one would bring several GB of CUDA packages.
.venv/torch: constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) torch
	touch $@

# What an installation is made of: the kernels are compiled by it.
BUILD := pyproject.toml hatch_build.py $(wildcard regard/kernels/c/*.[ch])

.venv/base: .venv/torch $(BUILD)
	$(PIP) -e '.[plot]'
	touch $@

.venv/dev: .venv/torch $(BUILD)
	$(PIP) -e '.[dev]'
	touch $@ .venv/base

# The extra `docs`, by name, since installing Regard again would compile it again.
.venv/docs: .venv/base
	$(PIP) zensical mkdocstrings mkdocstrings-python ruff
	touch $@

clean:
	rm -rf .venv build dist .cache
