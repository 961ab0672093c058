# Each target sets up .venv if it is missing or out of date. That needs only Python 3.11 or later and make.
# `make demo BUS=kafka` runs the demonstration on a real Kafka; that needs Java 17 and Maven too.
PYTHON ?= python3
BIN := .venv/bin
unexport PYTHONDONTWRITEBYTECODE  # tests start the command hundreds of times, and start faster with bytecode
export ENLACE_DATA ?= $(abspath ../shared/data)

.PHONY: setup demo screenshots test slow check bench bench-memory generate lock clean

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Enlace needs Python 3.11 or later; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/ready

demo: setup
	$(BIN)/python -m demo $(if $(filter kafka,$(BUS)),--kafka)

# Pictures of the console for docs/console; needs Chromium.
screenshots: setup
	$(BIN)/python -m demo.screenshots

test: setup
	$(BIN)/python -m pytest

# The full campaigns: 500 seeds of tests/campaign, and others. pytest prints at the end which tests took longest.
slow: setup
	$(BIN)/python -m pytest -m slow --dist worksteal --durations=10

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# BENCH_MESSAGES sets the sizes; BENCH_BUS=kafka://… measures latency and partitions over that bus.
bench: setup
	$(BIN)/python -m bench

bench-memory: setup
	BENCH_MEMORY_MESSAGES=$${BENCH_MEMORY_MESSAGES:-100000} $(BIN)/python -m bench memory

generate: setup
	$(BIN)/python -m schemas.tools.generate
	$(BIN)/python -m schemas.tools.reference
	$(BIN)/python -m tools.openapi
	$(BIN)/python -m tools.architecture

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

# Three locks of the same versions: all tools; what a node needs at run time; what makes its wheel. The image has the second.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --group dev pyproject.toml -o requirements.lock
	$(COMPILE) -c requirements.lock --extra postgresql pyproject.toml -o requirements-runtime.lock
	$(COMPILE) -c requirements.lock --group build -o requirements-build.lock

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache
