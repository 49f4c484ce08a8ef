SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check bench lock clean

help:  ## what there is to run
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: requirements.txt
	@deploy/install requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements.txt deploy/requirements-dev.txt
	@deploy/install requirements.txt deploy/requirements-dev.txt
	@touch $@ $(VENV)/.installed

demo: $(VENV)/.installed  ## the whole site from nothing, with a demo study (SERVE=0 ends after its report)
	@$(BIN)/python manage.py demo

test: $(VENV)/.installed-dev  ## every check and every test, browser and services included
	@deploy/check

lock: $(VENV)/.installed-dev  ## recompile both lock files from their .in
	@deploy/lock

clean:  ## remove the virtual environment and everything the demo made
	rm -rf $(VENV) var .cache
