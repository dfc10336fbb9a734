# Every target sets up what it needs; the first command after a clone may be any of them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REELBASE := $(BIN)/reelbase
# How many test processes; each has a stack of its own.
JOBS ?= 2

export SUPABASE_TELEMETRY_DISABLED := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo up down status reset test test-services test-policies test-database test-docker \
	soak chaos mutate lint lint-database format typecheck types docs bench bench-credits bench-dispatch \
	bench-webhooks clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/.installed node_modules/.installed ## Install the Python environment and the npm parts

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Reelbase needs Python 3.11 or newer"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# Not `npm ci`: some platforms' optional binaries are not published, which it takes for a stale lock.
node_modules/.installed: package.json package-lock.json
	npm install --no-save --loglevel=error
	@touch $@

demo: setup ## Start everything, make a film, show what happened to the credits
	$(REELBASE) demo

up: setup ## Start the embedded stack and leave it running
	$(REELBASE) up

down: ## Stop the embedded stack
	@if [ -x $(REELBASE) ]; then $(REELBASE) down; fi

status: ## Show what runs
	@if [ -x $(REELBASE) ]; then $(REELBASE) status || [ $$? -eq 3 ]; else echo "Nothing is set up yet."; fi

reset: setup ## Stop the stack and delete its data
	$(REELBASE) reset

test: setup ## Run all tests
	$(BIN)/pytest -n $(JOBS) --dist loadscope

test-services: setup ## Run the tests of the Python services
	$(BIN)/pytest -n $(JOBS) --dist loadscope services/tests

test-policies: setup ## Run the tests of who may do what
	$(BIN)/pytest -n $(JOBS) --dist loadscope policies_tests

test-database: setup ## Run the tests of who may do what on a server of yours: DATABASE_URL=…
	@test -n "$$DATABASE_URL" || { echo "Say which server: make test-database DATABASE_URL=postgresql://SUPERUSER:PASSWORD@HOST:PORT/postgres"; exit 2; }
	REELBASE_TEST_DATABASE_URL="$$DATABASE_URL" $(BIN)/pytest -n $(JOBS) --dist loadscope policies_tests

test-docker: setup ## Run them on a container's PostgreSQL, where Docker answers
	$(BIN)/python -m reelbase.local.throwaway docker $(MAKE) test-database

# How long.
MINUTES ?= 10
soak: setup ## Try to break the ledger for MINUTES=10
	$(BIN)/python -m policies_tests.soak --minutes $(MINUTES)

# How many jobs, and how often something is killed or frozen meanwhile.
CHAOS_JOBS ?= 2000
KILLS ?= 200
chaos: setup ## Run jobs while everything is killed and frozen: CHAOS_JOBS=2000 KILLS=200 SEED=1
	cd services/tests && ../../$(BIN)/python -m chaos --jobs $(CHAOS_JOBS) --kills $(KILLS) $(if $(SEED),--seed $(SEED))

mutate: setup ## Make holes in the schema, one by one, and see that the tests find each
	$(BIN)/python -m policies_tests.mutate

lint: setup ## Check style: ruff, sqlfluff and squawk
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint --disable-progress-bar supabase services/reelbase/local/platform
	$(BIN)/squawk supabase/migrations/*.sql

# Set by CI, which must not leave out what a laptop may.
REQUIRE_PLPGSQL_CHECK ?=
lint-database: setup ## Check a migrated database: function bodies, advisors, policies
	$(BIN)/python -m reelbase.local.lint $(if $(REQUIRE_PLPGSQL_CHECK),--require-plpgsql-check)

format: setup ## Rewrite files in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix --disable-progress-bar supabase services/reelbase/local/platform

typecheck: setup ## Check types: mypy --strict
	$(BIN)/mypy

types: setup ## Write the Python and TypeScript types from the migrated database
	$(BIN)/python -m reelbase.local.types

docs: setup ## Write docs/schema.md from the migrated database
	$(BIN)/python -m reelbase.local.docs

bench: setup ## Measure; each line prints a ratio of two sides taken in one run
	$(BIN)/python benchmarks/lifecycle.py
	$(BIN)/python benchmarks/migrate.py
	$(BIN)/python benchmarks/reads.py

bench-credits: setup ## Measure what moving credits costs, beside pgbench: see benchmarks/credits.py
	$(BIN)/python benchmarks/credits.py

# The peers live apart from what the project depends on.
$(VENV)/peers/.installed: benchmarks/peers.txt $(VENV)/.installed
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	@touch $@

bench-dispatch: setup $(VENV)/peers/.installed ## Measure the queue beside others: see benchmarks/dispatch.py
	$(BIN)/python benchmarks/dispatch.py
	$(BIN)/python benchmarks/fairness.py

bench-webhooks: setup ## Measure taking webhooks in, and the memory of a worker: see benchmarks/webhooks.py
	$(BIN)/python benchmarks/webhooks.py
	$(BIN)/python benchmarks/memory.py

clean: down ## Remove everything that is not in git, data included
	rm -rf $(VENV) node_modules .reelbase out .pytest_cache .mypy_cache .ruff_cache .hypothesis
