SHELL := /bin/bash
BIN := .venv/bin

.PHONY: help demo test bench lock clean

help:  ## what there is to run
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo:  ## the whole site from nothing, with a demo study (SERVE=0 ends after its report)
	@deploy/install requirements.txt
	@deploy/libraries
	@$(BIN)/python manage.py demo

test:  ## every check and every test, browser and servers included
	@deploy/install requirements.txt deploy/requirements-dev.txt
	@deploy/libraries
	@deploy/check

bench:  ## the benchmarks beside the published implementations, as ratios
	@deploy/install requirements.txt deploy/requirements-dev.txt
	@deploy/bench

lock:  ## recompile the lock files from their .in files (LOCK=--upgrade for newer releases)
	@deploy/install requirements.txt deploy/requirements-dev.txt
	@deploy/lock $(LOCK)

clean:  ## remove the virtual environment, the caches and everything the demo made
	rm -rf .venv var .cache
