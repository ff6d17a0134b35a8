# `make` alone lists the targets. Every target works from a bare clone with Python 3.10 to 3.13 and pip.
PYTHON ?= python3
VENV := .venv
UPSTREAM_VENV := .venv-upstream
DOCS_VENV := .venv-docs
# Two processes with half of the files each; which ends first takes over a part of the other's.
PYTEST_ARGS ?= -n 2 --dist worksteal

# An environment is complete when the stamp of its inputs exists. The stamp is written last, so an
# interrupted installation starts over, and so does a changed lock, setup.py or location of the checkout.
stamp = $(1)/.complete-$(shell { pwd; cat setup.py $(2); } | cksum | cut -d' ' -f1)
STAMP := $(call stamp,$(VENV),requirements/lock.txt)
UPSTREAM_STAMP := $(call stamp,$(UPSTREAM_VENV),requirements/lock.txt requirements/upstream.txt)
DOCS_STAMP := $(call stamp,$(DOCS_VENV),requirements/docs.txt)

# pip also builds source distributions in the pinned versions; older pips read only the first variable.
PINNED := PIP_CONSTRAINT=requirements/lock.txt PIP_BUILD_CONSTRAINT=requirements/lock.txt

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-upstream coverage lint format docs notebook clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP)  ## create .venv from the lock if it is missing or out of date (PYTHON=python3.x to choose)

demo: $(STAMP)  ## train and compare on the toy dataset; writes work_dirs/demo/report.html
	$(VENV)/bin/python -m label_efficient_seg run configs/advsemi/workflow_toy.py --work-dir work_dirs/demo

test: $(STAMP)  ## run the test suite (PYTEST_ARGS=... for pytest)
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q $(PYTEST_ARGS)

test-upstream: $(UPSTREAM_STAMP)  ## run it on the upstream stack (the first time compiles mmcv)
	OMP_NUM_THREADS=1 $(UPSTREAM_VENV)/bin/python -m pytest -q $(PYTEST_ARGS)

coverage: $(STAMP)  ## run it and list the lines of the package that no test reaches
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q $(PYTEST_ARGS) --cov

lint: $(STAMP)  ## check style, format, spelling and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/codespell
	$(VENV)/bin/mypy

format: $(STAMP)  ## apply the format and the safe fixes of the linter
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(DOCS_STAMP)  ## build the documentation as a site in build/site; a broken link fails
	PYTHONPATH=. $(DOCS_VENV)/bin/python dev/docs_site.py

notebook: $(STAMP)  ## execute docs/tutorial.ipynb again (adds Jupyter's kernel to .venv)
	$(PINNED) $(VENV)/bin/python -m pip install -q nbclient ipykernel
	$(VENV)/bin/python dev/notebook.py

clean:  ## remove builds and caches; keeps the environments, data and work_dirs
	rm -rf build dist *.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache
	find configs dev label_efficient_seg tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian splits ensurepip off Python; its pip can then fill the environment from outside.
define create_venv
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 10) <= v <= (3, 13) or sys.exit( \
	  "$(PYTHON) is Python %d.%d, but the pinned environment needs Python 3.10 to 3.13; " \
	  "choose one with: make PYTHON=python3.12 $(MAKECMDGOALS)" % v)'
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv --clear $(1); else \
	  $(PYTHON) -m venv --clear --without-pip $(1) && \
	  $(PYTHON) -m pip --python $(1)/bin/python install pip; fi
endef

$(STAMP):
	$(call create_venv,$(VENV))
	$(PINNED) $(VENV)/bin/python -m pip install -r requirements/lock.txt
	$(VENV)/bin/python -m pip install --no-deps --no-build-isolation -e .
	touch $@

$(DOCS_STAMP):
	$(call create_venv,$(DOCS_VENV))
	$(DOCS_VENV)/bin/python -m pip install -r requirements/docs.txt
	touch $@

# The tests hardly use the operators of mmcv, and optimised ones take far longer to compile.
UNOPTIMISED := CFLAGS='-O0 -g0' CXXFLAGS='-O0 -g0'
$(UPSTREAM_STAMP):
	$(call create_venv,$(UPSTREAM_VENV))
	$(UPSTREAM_VENV)/bin/python -m pip install -c requirements/lock.txt \
	  setuptools wheel ninja psutil torch torchvision numpy
	MMCV_WITH_OPS=1 $(UNOPTIMISED) $(UPSTREAM_VENV)/bin/python -m pip install --no-build-isolation \
	  -r requirements/upstream.txt
	$(UPSTREAM_VENV)/bin/python -m pip install --no-deps --no-build-isolation -e .
	touch $@
