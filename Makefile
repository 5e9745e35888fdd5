# DSANet: each target sets itself up on first use and does not repeat the installation.
#
#   make demo    phantom patient -> mask, probability, scene, pictures in demo-output/ (no torch)
#   make test    all tests, with coverage of DSANetLib
#   make lint    formatting, lint, types, direction of the imports
#   make bench   speed and memory as ratios
#   make mutate  mutation run over geometry, preparation and metrics (hours; SAMPLE=600 draws some)
#   make lock    write requirements/constraints.txt anew
#   make wheels  archive of all packages for a Slicer without network: PLATFORM=windows, linux, macos-arm, macos-intel
#
# PYTHON=/path/to/python chooses the interpreter (3.10 to 3.13); VENV=dir the environment.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo-output
SEED ?= 1
JOBS ?= 2
LOCK := requirements/constraints.txt
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(LOCK)
# Our own version comes from the checkout: build with the pinned backend, not in an environment of its own.
EDITABLE := $(PIP_INSTALL) --no-build-isolation --editable

.PHONY: help demo test lint bench mutate lock wheels clean

help:
	@sed -n 's/^#   //p' Makefile

$(VENV)/.made:
	@bash requirements/make-venv.sh "$(VENV)" $(if $(PYTHON),"$(PYTHON)")
	@touch $@

# The light set and the scene core: no torch.
$(VENV)/.light: $(VENV)/.made pyproject.toml $(LOCK)
	@echo "Installing the light set into $(VENV) (about 450 MB to download, once) ..."
	@$(PIP_INSTALL) hatchling
	@$(EDITABLE) ".[scene]"
	@touch $@

# The light set, torch for training, and the developers' tools.
$(VENV)/.full: $(VENV)/.light
	@echo "Installing torch, MONAI and the developers' tools into $(VENV) (once) ..."
	@# A dependency of lifelines comes as source only: without a build environment of its own it needs setuptools here.
	@$(PIP_INSTALL) setuptools
	@$(EDITABLE) ".[scene,train,study,dev]"
	@touch $@

demo: $(VENV)/.light
	@rm -rf $(DEMO)
	@$(BIN)/dsanet phantom $(DEMO)/phantom --patients 1 --seed $(SEED) --format dicom
	@$(BIN)/dsanet run $(DEMO)/phantom --clinical $(DEMO)/phantom/clinical.csv --out $(DEMO)/results
	@echo
	@echo "The results, a folder a case, are in $(DEMO)/results; the truth is in $(DEMO)/phantom/truth."
	@for case in $(DEMO)/results/*/; do \
	    echo "  look first at   $${case}picture.png"; \
	    if [ -e "$${case}scene.mrb" ]; then echo "  in 3D Slicer    $${case}scene.mrb"; fi; \
	done

test: $(VENV)/.full
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m pytest -n $(JOBS) --durations=25 --cov=DSANetLib --cov-report=term-missing:skip-covered --cov-fail-under=90

lint: $(VENV)/.full
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.full
	@$(BIN)/python benchmarks/bench.py

mutate: $(VENV)/.full
	@$(BIN)/python benchmarks/mutate.py $(if $(SAMPLE),--sample $(SAMPLE) --seed $(SEED))

lock: $(VENV)/.full
	@$(BIN)/python requirements/lock.py

PLATFORM ?= windows
wheels: $(VENV)/.made
	@$(BIN)/python DSANetModule/DSANetModuleLib/wheels.py --platform $(PLATFORM) dsanet-wheels-$(PLATFORM).zip

clean:
	rm -rf $(VENV) $(DEMO) build dist mutants .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache
