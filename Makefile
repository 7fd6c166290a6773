# Everything starts here. Only Python 3.11+ and make need to be present.
PYTHON ?= python3
PORT   ?= 8000
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEV    := $(VENV)/.ready-dev

.PHONY: demo test lint types imports bench bench-trust assets lock clean check sbom audit

demo: $(READY)
	@$(BIN)/python tools/build_assets.py >/dev/null
	@$(BIN)/careloop demo --port $(PORT)

test: $(DEV)
	@$(BIN)/python tools/build_assets.py >/dev/null
	@$(BIN)/python tools/chromium.py
	@$(BIN)/python -m compileall -q src tests # tests start a hundred processes, and CI lets none of them keep what it compiled
	@$(BIN)/python -m pytest -n $${PYTEST_WORKERS:-2} --dist loadgroup $(ARGS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV)
	$(BIN)/mypy

imports: $(DEV)
	$(BIN)/lint-imports

check: lint types imports

bench: $(DEV)
	$(BIN)/careloop bench $(ARGS)

# Every figure of trust beside its gate: up to an hour; `make bench-trust QUICK=1` is the part for CI, under 10 minutes.
bench-trust: $(DEV)
	@$(BIN)/python benchmarks/trust.py $(if $(QUICK),--quick) $(ARGS)

# What Careloop is made of (dist/sbom.json), and whether any of it is known to be weak.
sbom: $(DEV)
	@$(BIN)/python tools/dependencies.py check
	@$(BIN)/python tools/dependencies.py sbom

audit: $(DEV)
	@$(BIN)/python tools/dependencies.py audit

assets: $(READY)
	$(BIN)/python tools/build_assets.py

# The lock: exact versions and hashes of everything, for every platform.
lock: $(DEV)
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q pyproject.toml --extra build --universal --generate-hashes --no-header --python-version 3.11 -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra build --extra dev -c requirements.lock --universal --generate-hashes --no-header --python-version 3.11 -o requirements-dev.lock

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Careloop needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@echo "Making .venv (once; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)

$(READY): requirements.lock pyproject.toml package-lock.json tools/build_assets.py | $(VENV)/bin/python
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(DEV): requirements-dev.lock $(READY)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) var build dist node_modules src/careloop/web/static/vendor
