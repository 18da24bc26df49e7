PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test test-clients check format clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,check]'
	@touch $@

demo: .venv/ready  ## the whole debugging workflow, on the local gateway
	@$(BIN)/cloudflare-ai-gateway-mcp demo

test: .venv/ready  ## every test that needs only Python
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-clients: .venv/ready  ## official clients that need node
	@true

check: .venv/ready  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: .venv/ready  ## put the code in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what the other targets made
	rm -rf .venv .coverage* .pytest_cache .ruff_cache .hypothesis dist build
