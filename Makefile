# The two commands of the README, and the targets for developers. `make help` lists them.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
# Tests wait for servers half of their time, so one process more than cores; the long files are first by their names.
IN_PARALLEL := --numprocesses $(shell expr `nproc` + 1) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Tests start hundreds of processes: one that finds no bytecode files compiles its modules again, Django too: 1.5 s instead of 0.5 s.
unexport PYTHONDONTWRITEBYTECODE

PYTHONS := 3.11 3.12 3.13

.PHONY: help install demo minio promtool test test-long test-pythons coverage check bench bench-links bench-head-office slow-link lint types format lock dist clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

install: $(STAMP) ## create .venv with the locked dependencies and the `etalase` command

$(STAMP): requirements/dev.txt pyproject.toml
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install ## run the whole system on this machine, with a sample menu
	$(BIN)/etalase demo $(DEMO_ARGS)

minio: install ## build MinIO for the tests and the demo, with Go, once; 4 minutes
	$(BIN)/python -m etalase.devstack.minio

promtool: install ## build promtool for the tests of the alert rules, with Go, once; 4 minutes
	$(BIN)/python -m tests.promtool

test: install check ## run linter, types, import rules and the tests
	$(BIN)/python tests/chromium.py
	$(BIN)/pytest $(IN_PARALLEL)

test-long: install ## the tests that take longer: weak links, full disks, many photos, every case; 15 minutes
	$(BIN)/python tests/chromium.py
	$(BIN)/pytest -m long $(IN_PARALLEL)

test-pythons: install ## run the tests on each Python of 3.11, 3.12 and 3.13 on this machine; PYTHONS=3.13 TESTS=tests/unit
	$(BIN)/python tests/chromium.py
	.ci/test-pythons "$(PYTHONS)" $(TESTS) --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

coverage: install ## run the tests with coverage of lines and branches, including subprocesses
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(TESTS) --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: $(BENCH_STAMP) ## measure Etalase, the guide, rclone and mc, and as root the links; hours; BENCH_ARGS=--help: the first hour only
	$(BIN)/python -m bench $(BENCH_ARGS)
	$(if $(BENCH_ARGS),,$(BIN)/python -m bench.links)

bench-links: $(BENCH_STAMP) ## measure first loads over links beside rclone and mc, as root; hours; BENCH_ARGS=--help
	$(BIN)/python -m bench.links $(BENCH_ARGS)

bench-head-office: $(BENCH_STAMP) ## measure head office under 10,000 stores, with wrk; 5 minutes; BENCH_ARGS=--help
	$(BIN)/python -m bench.fleet $(BENCH_ARGS)

slow-link: install ## 40 MB over 2 Mbit/s, cut every 30 s: 12 minutes, as root; SLOW_LINK_ARGS=--help
	$(BIN)/python -m tests.acceptance.slow_link $(SLOW_LINK_ARGS)

$(BENCH_STAMP): requirements/bench.txt | install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

check: install lint types ## linter, types and import rules

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: install
	$(BIN)/mypy

format: install ## apply the formatter and the linter's fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install ## resolve the dependencies again, with hashes
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --extra edge --extra standalone --extra head-office pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --extra standalone --constraints requirements/runtime.txt pyproject.toml -o requirements/edge.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --extra head-office --constraints requirements/runtime.txt pyproject.toml -o requirements/head-office.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --extra demo pyproject.toml -o requirements/demo.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --extra demo --group dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --group bench --constraints requirements/dev.txt -o requirements/bench.txt

dist: install ## build wheel, sdist and the locks of both roles from the last commit into dist/, twice, and compare
	.ci/dist $(VENV)

clean: ## remove the results of the targets
	rm -rf $(VENV) dist .coverage .coverage.* htmlcov .mypy_cache .pytest_cache .ruff_cache
