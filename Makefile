PYTHON ?= python3
BIN := .venv/bin
MCPB := PATH="$$PWD/tests/clients/node_modules/.bin:$$PATH" mcpb

.PHONY: help ui demo test coverage test-clients pictures bench-page fuzz fuzz-guided bench bundle release audit check format clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/ready: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,check]'
	@touch $@

demo: .venv/installed  ## the whole debugging workflow, on the local gateway
	@$(BIN)/cloudflare-ai-gateway-mcp demo

test: .venv/ready  ## every test that needs only Python
	$(BIN)/python -m pytest -n auto

coverage: .venv/ready  ## the same, and which lines and branches they reach: it takes twice as long
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

CASES ?= 1000000
fuzz: .venv/ready  ## hostile input, a million cases; CASES=N for another number
	$(BIN)/python benchmarks/fuzz.py --cases $(CASES)

SECONDS_EACH ?= 60
fuzz-guided: .venv/ready  ## hostile input that looks for new lines of code; on Linux; SECONDS_EACH=N for each target
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	$(BIN)/python benchmarks/fuzz_guided.py --seconds $(SECONDS_EACH)

bench: .venv/ready  ## this server beside what one would write or pick instead: benchmarks/peers/RESULT.md
	$(BIN)/python benchmarks/peers/run.py

tests/clients/node_modules/ready: tests/clients/package.json
	cd tests/clients && npm install --no-progress --loglevel=error
	@touch $@

.PHONY: chromium
chromium:
	@test -x "$${CHROMIUM:-/usr/bin/chromium}" || { echo "Chromium is missing: install Debian's package chromium" \
		"(apt-get install chromium), or set CHROMIUM to a browser's path." >&2; exit 1; }

test-clients: chromium bundle  ## official clients that need node, and the page in a browser
	cd tests/clients && PATH="$$PWD/node_modules/.bin:$$PATH" node --test --test-concurrency=2 *.test.mjs

pictures: chromium .venv/ready tests/clients/node_modules/ready  ## each view of the page, drawn into docs/pictures
	cd tests/clients && PATH="$$PWD/node_modules/.bin:$$PATH" node pictures.mjs

bench-page: chromium .venv/ready tests/clients/node_modules/ready  ## how fast the page draws and scrolls
	cd tests/clients && PATH="$$PWD/node_modules/.bin:$$PATH" node page_speed.mjs

bundle: .venv/ready tests/clients/node_modules/ready  ## MCP bundles: for hosts with uv, and with its own packages
	rm -rf build/bundle
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt --target build/bundle/server/lib .
	$(BIN)/python bundle.py build/bundle
	cp icon.png README.md LICENSE build/bundle
	$(MCPB) pack . dist/cloudflare-ai-gateway-mcp.mcpb
	$(MCPB) pack build/bundle dist/cloudflare-ai-gateway-mcp-python.mcpb

ui/node_modules/ready: ui/package.json
	cd ui && npm install --no-package-lock --no-progress --loglevel=error
	@touch $@

ui: ui/node_modules/ready  ## the page and its host, each built into one HTML file
	cd ui && npm run --silent build

check: .venv/ready  ## lint, format, types, and known vulnerabilities where the package index can be reached
	$(BIN)/hadolint Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	@$(MAKE) --no-print-directory audit

build/audit/ready:
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	@touch $@

audit: build/audit/ready  ## known vulnerabilities of the packages
	@build/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict \
		> build/audit/found 2> build/audit/said || { cat build/audit/found; test ! -s build/audit/found && \
		echo "Known vulnerabilities were not looked up: the package index has no answer (build/audit/said)."; }

build/release/ready:
	$(PYTHON) -m venv build/release
	build/release/bin/python -m pip install --quiet --disable-pip-version-check build==1.6.1 hatchling==1.33.0 cyclonedx-bom==7.5.0
	@touch $@

release: bundle build/release/ready  ## what a release consists of, into dist/: a dry run, unless TAG=vX.Y.Z
	$(BIN)/python release.py $(TAG)

format: .venv/ready  ## put the code in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what the other targets made
	rm -rf .venv .coverage* .pytest_cache .ruff_cache .hypothesis dist build
