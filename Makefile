# Everything a checkout needs. `make` alone lists the targets.

CARGO ?= cargo
# The tests kill the real binary at named points; only builds for tests have them.
TEST_FEATURES = syncline-cli/failpoints
TOOLS = target/tools
CARGO_DENY = $(TOOLS)/bin/cargo-deny
CARGO_DENY_VERSION = 0.20.2
CARGO_FUZZ = $(TOOLS)/bin/cargo-fuzz
CARGO_FUZZ_VERSION = 0.13.2
WEB_BUILT = web/dist/index.html
WEB_SOURCES = $(shell find web/src web/public web/scripts web/*.* -type f)

.PHONY: help demo web api test chaos soak fuzz lint bench postgres python node chromium

help:
	@echo "make demo   build, show the commands, play four weeks of a company and serve them (DEMO=--no-serve: not)"
	@echo "make web    build the pages that the server shows (needs Node.js)"
	@echo "make api    write the API's description down for the pages, after a change of the API"
	@echo "make test   run every test, on real databases"
	@echo "make chaos  kill, cut and disturb runs for long (docs/chaos.md)"
	@echo "make soak   run a server for long while everything happens to it"
	@echo "make fuzz   search for bytes that end in a panic (fuzz/README.md)"
	@echo "make lint   check formatting, lints, licences and sources"
	@echo "make bench  measure (release build; BENCH=--help lists what)"

# The development profile: it gets a new user there soonest.
demo:
	@if scripts/need-node --have; then $(MAKE) --no-print-directory web; \
	else echo "There is no Node.js 20.19 or newer here: the demo's server has no pages, everything else works."; fi
	@$(CARGO) build -p syncline-cli
	@target/debug/syncline demo $(DEMO)

# The pages are built first, because the program that the tests start has them inside.
web: $(WEB_BUILT)

$(WEB_BUILT): $(WEB_SOURCES) scripts/need-node
	@scripts/need-node
	cd web && npm run --silent build

api:
	@scripts/need-node
	$(CARGO) run --quiet -p syncline-cli -- schema api > web/openapi.json.new
	mv web/openapi.json.new web/openapi.json
	cd web && npm run --silent api

test: postgres python node chromium web
	$(CARGO) test --workspace --features $(TEST_FEATURES)
	cd web && npm run --silent types && npm run --silent test && npm run --silent e2e

# CHAOS_SEEDS or CHAOS_MINUTES say how long, SYNCLINE_SEED repeats one seed.
chaos: postgres
	$(CARGO) build -p syncline-cli --features $(TEST_FEATURES)
	$(CARGO) test -p syncline-tests --test chaos -- --ignored --nocapture

# SOAK_MINUTES says how long, SYNCLINE_SEED repeats what it does.
soak: postgres
	$(CARGO) build -p syncline-cli --features $(TEST_FEATURES)
	$(CARGO) test -p syncline-tests --test soak -- --ignored --nocapture

# FUZZ_SECONDS says how long for each, FUZZERS which; without it all.
FUZZ_SECONDS ?= 30
fuzz: $(CARGO_FUZZ)
	fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

lint: $(CARGO_DENY) node
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features $(TEST_FEATURES) -- -D warnings
	$(CARGO_DENY) check licenses bans sources
	cd web && npm run --silent lint && npm run --silent types && npm run --silent licences

# BENCH="--peers" adds the peers, BENCH=instructions counts, BENCH=profile samples; BENCH=--help says more.
bench: postgres
	$(CARGO) build --release -p syncline-cli
	$(CARGO) run --release -p syncline-bench -- $(BENCH)

# The tests start PostgreSQL themselves; they need its programs.
postgres:
	@scripts/need-postgres

# The pages are made and tested with Node.js, in Chromium.
node:
	@scripts/need-node

chromium:
	@scripts/need-chromium

# They also use an S3 server and a contract tester, which are written in Python.
python:
	@scripts/need-python-tool moto
	@scripts/need-python-tool schemathesis

$(CARGO_DENY):
	$(CARGO) install cargo-deny --locked --version $(CARGO_DENY_VERSION) --root $(TOOLS) --debug

$(CARGO_FUZZ):
	$(CARGO) install cargo-fuzz --locked --version $(CARGO_FUZZ_VERSION) --root $(TOOLS) --debug
