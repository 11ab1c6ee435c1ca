# `make demo` and `make test` need Python 3.11, make and the package registries; nothing else.

PYTHON ?= python3
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
# Compiling what is imported takes each of the many processes longer than importing it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup tools demo check style types sql definitions test proofs faults bench fmt docs clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: .venv/.ready ## Install what is missing, from the committed lock

.venv/.ready: pyproject.toml uv.lock deploy/setup.sh
	PYTHON=$(PYTHON) sh deploy/setup.sh
	@touch $@

tools: .venv/.ready ## Find or install the servers and the browser that tests use
	@sh deploy/test_tools.sh

demo: .venv/.ready ## The whole stack with a simulated plant; Ctrl-C ends it
	@exec $(BIN)/takt demo

check: .venv/.ready ## Format, lint, types, import rules, SQL, dbt and Dagster definitions
	@$(MAKE) --no-print-directory --output-sync=recurse --jobs=2 types definitions sql style

style:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types:
	$(BIN)/mypy

sql:
	$(BIN)/sqlfluff lint --nocolor dbt_project/models dbt_project/tests

definitions:
	$(BIN)/python -m pipelines.check

test: .venv/.ready tools ## Every test but the proofs and the long fault suites
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not long and not proof"

proofs: .venv/.ready ## Live = historic over 1,000 generated running shifts; costs of 1,500 generated orders (10 minutes)
	$(BIN)/pytest -m proof -v

faults: .venv/.ready tools ## Every fault for long, under counted load (55 minutes on two cores); writes docs/failure-report.md
	TAKT_FAILURE_REPORT=docs/failure-report.md $(BIN)/pytest -n 2 --dist load --maxschedchunk 1 -m long -v --timeout 5400

bench: .venv/.ready ## List the benchmarks; run one with `python -m bench NAME`
	$(BIN)/python -m bench

docs: .venv/.ready ## Write the data dictionary, docs/marts.md, of what the models say
	$(BIN)/python -m pipelines.dictionary

fmt: .venv/.ready ## Format Python and SQL
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix --nocolor dbt_project/models dbt_project/tests

clean: ## Remove what was installed and built; the lake in .takt stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache dbt_project/target
