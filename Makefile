# Everything runs from .venv, built from requirements/lock.txt. `make` alone tells what there is.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
DEVICE ?= cpu
TORCH_INDEX ?=
CONFIG ?= configs/demo.toml
MILLIONS ?= 1 10
TESTS_AT_ONCE ?= 4

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALLED := .venv/.installed-$(DEVICE)

.PHONY: help install demo serve test check notebooks scale lock clean

help:  ## this page
	@echo "Vitrine: photos, texts and logs in, recommendations over HTTP out."
	@echo
	@echo "  make demo       draw the sample shop, run the night on it, ask the API once; again: seconds"
	@echo "  make serve      serve what the demo has learned, in the foreground (CONFIG=configs/yours.toml: yours)"
	@echo "  make test       make check, then every test; what CI runs"
	@echo "  make check      ruff, mypy --strict, import-linter, codespell"
	@echo "  make notebooks  run notebooks/ on the demo's report"
	@echo "  make scale      benchmarks/features.py: histories out of core against DuckDB and pandas; minutes"
	@echo "  make install    build .venv from requirements/lock.txt (about 3 GB); the others do it when needed"
	@echo "  make lock       write requirements/ anew from what .venv holds"
	@echo "  make clean      remove .venv and caches; workspaces stay"
	@echo
	@echo "Variables: DEVICE=cuda installs the CUDA wheels; PYTHON=/path/to/python3.11;"
	@echo "TESTS_AT_ONCE=4 processes at most, up to 3 GiB each, run the tests;"
	@echo "TORCH_INDEX=address of PyTorch's CPU wheels, where pip's own settings do not lead to them."
	@echo "Then: $(BIN)/vitrine --help"

install: $(INSTALLED)  ## .venv, from the lock

$(INSTALLED): requirements/lock.txt requirements/cuda.txt
	@test -n "$(PYTHON)" || { echo "No python3 found. Install Python 3.11, or pass PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); the lock is for Python 3.11. Install it, or pass PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "$(PYTHON) has no venv. On Debian: apt-get install python3-venv"; exit 1; }
	@case "$(DEVICE)" in cpu|cuda) ;; *) echo "DEVICE=$(DEVICE): allowed are cpu and cuda."; exit 1;; esac
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
ifeq ($(DEVICE),cuda)
	-$(PIP) uninstall --quiet --yes fbgemm-gpu-cpu
	$(PIP) install torch==2.13.0 --constraint requirements/lock.txt
	grep -v '^fbgemm-gpu-cpu==' requirements/lock.txt > .venv/lock-cuda.txt
	$(PIP) install --no-deps --requirement .venv/lock-cuda.txt
	$(PIP) install --no-deps --requirement requirements/cuda.txt
else
	$(if $(TORCH_INDEX),PIP_INDEX_URL=$(TORCH_INDEX)) $(PIP) install torch==2.13.0 --constraint requirements/lock.txt
	$(PIP) install --no-deps --requirement requirements/lock.txt
endif
	$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f .venv/.installed-*
	@touch $@

demo: install  ## from nothing to an answer over HTTP
	$(BIN)/vitrine demo --config $(CONFIG)

serve: install  ## the API, in the foreground
	$(BIN)/vitrine serve --config $(CONFIG) --show-users

check: install  ## all that can be said without running
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

# A process for every core, TESTS_AT_ONCE at most: each holds up to 3 GiB. Tests of one file share what they have made, so they stay together; end_to_end,
# which takes longest, goes first.
# Shapes are checked in runs of their own: torch.export cannot trace through the checks, so tests of exported graphs need them off.
test: check  ## what CI runs
	$(BIN)/pytest --numprocesses logical --maxprocesses $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder
	$(BIN)/pytest --quiet --jaxtyping-packages=recsys.losses,recsys.layers,beartype.beartype tests/recsys/losses tests/recsys/layers

notebooks: install  ## run the notebooks from top to bottom
	@workspace="$${VITRINE_WORKSPACE:-$$(sed -n 's/^workspace *= *"\(.*\)".*/\1/p' $(CONFIG))}"; \
	if ! test -f "$$workspace/tables/evaluation/manifest.json"; then \
	  echo "Skipped: there is no evaluation in '$$workspace'. Run make demo first."; exit 0; fi; \
	rm -rf build/notebooks && mkdir -p build/notebooks && \
	$(BIN)/jupytext --to ipynb --output build/notebooks/evaluation_report.ipynb notebooks/evaluation_report.py && \
	VITRINE_WORKSPACE="$$(realpath "$$workspace")" $(BIN)/pytest --nbmake --override-ini=filterwarnings= --override-ini=addopts= build/notebooks

scale: install  ## measure, never in CI; MILLIONS="1 10 50" for the large one
	$(BIN)/python benchmarks/features.py --millions $(MILLIONS)

lock: install  ## after adding or updating a package in .venv
	$(BIN)/python requirements/freeze.py

clean:  ## workspaces are data: remove them yourself
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
