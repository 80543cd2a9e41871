# make setup | demo | test are all that is needed on a fresh machine with Python 3.11 or newer.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: setup demo test lint soak bench clean

setup: .venv/installed

.venv/installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Postkamer needs Python 3.11 or newer with venv (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/postkamer demo $(ARGS)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Two at a time, since most of them wait for a homeserver or a database; a file as a whole, for what its tests share.
test: lint
	$(BIN)/pytest --numprocesses 2 --dist loadfile $(ARGS)

# Longer runs than a test may take: 200 and 100 rounds of kill -9, an archive of 439,285 events, and 100,000 searches
# against the oracle of access.
soak: setup
	$(BIN)/python -m bench.kill --rounds 200
	$(BIN)/python -m bench.ask_kill --rounds 100
	$(BIN)/python -m bench.large $(ARGS)
	$(BIN)/python -m bench.search_leaks

# Side by side with the references; ARGS='--messages FILE' takes real chat.
bench: setup
	$(BIN)/python -m bench.ingest $(ARGS)
	$(BIN)/python -m bench.answer $(ARGS)
	$(BIN)/python -m bench.search $(ARGS)
	$(BIN)/python -m bench.search_recall $(ARGS)
	$(BIN)/python -m bench.search_fresh $(ARGS)

clean:
	rm -rf .venv demo-data
