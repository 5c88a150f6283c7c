.DEFAULT_GOAL := help
PY := .venv/bin/python
export HOST ?= 127.0.0.1
export PORT ?= 8000

.PHONY: help
help: ## list these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: ## set up and run the site on http://127.0.0.1:8000 (HOST, PORT)
	@scripts/setup.sh run
	@$(PY) manage.py demo

.PHONY: setup
setup: ## set up for development and tests
	@scripts/setup.sh dev
	@scripts/system_packages.sh

.PHONY: test
test: setup ## set up and run every test (ARGS for pytest)
	@$(PY) -m pytest $(ARGS)
	@.venv/bin/lint-imports --no-cache

.PHONY: lint
lint: setup ## check style, types of import and formatting
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports --no-cache

.PHONY: format
format: setup ## format the code
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

.PHONY: bench
bench: setup ## measure the engine against transformers + PEFT on this CPU
	@$(PY) -m benchmarks.cpu_multilora $(ARGS)

.PHONY: demo-weights
demo-weights: setup ## rebuild demo/ (base, 25 adapters, scores) on one GPU (ARGS, such as "--only base")
	@$(PY) -m training demo-weights $(ARGS)

.PHONY: screenshots
screenshots: setup ## picture every page into var/screenshots
	@$(PY) -m tests.browser.screenshots

.PHONY: lock
lock: setup ## pin the dependency ranges of pyproject.toml
	@scripts/lock.sh

.PHONY: clean
clean: ## remove the environment and the site's local data
	rm -rf .venv var
