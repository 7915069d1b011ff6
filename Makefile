# Everything a checkout needs. `make` alone lists the targets.

CARGO ?= cargo
# The tests kill the real binary at named points; only builds for tests have them.
TEST_FEATURES = syncline-cli/failpoints
TOOLS = target/tools
CARGO_DENY = $(TOOLS)/bin/cargo-deny
CARGO_DENY_VERSION = 0.20.2
CARGO_FUZZ = $(TOOLS)/bin/cargo-fuzz
CARGO_FUZZ_VERSION = 0.13.2

.PHONY: help demo test chaos soak fuzz lint bench postgres python

help:
	@echo "make demo   build and show the product on an embedded example, then serve it (DEMO=--no-serve: not)"
	@echo "make test   run every test, on real databases"
	@echo "make chaos  kill, cut and disturb runs for long (docs/chaos.md)"
	@echo "make soak   run a server for long while everything happens to it"
	@echo "make fuzz   search for bytes that end in a panic (fuzz/README.md)"
	@echo "make lint   check formatting, lints, licences and sources"
	@echo "make bench  measure (release build; BENCH=--help lists what)"

# The development profile: it gets a new user there soonest.
demo:
	@$(CARGO) build -p syncline-cli
	@target/debug/syncline demo $(DEMO)

test: postgres python
	$(CARGO) test --workspace --features $(TEST_FEATURES)

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

lint: $(CARGO_DENY)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features $(TEST_FEATURES) -- -D warnings
	$(CARGO_DENY) check licenses bans sources

# BENCH="--peers" adds the peers, BENCH=instructions counts, BENCH=profile samples; BENCH=--help says more.
bench: postgres
	$(CARGO) build --release -p syncline-cli
	$(CARGO) run --release -p syncline-bench -- $(BENCH)

# The tests start PostgreSQL themselves; they need its programs.
postgres:
	@scripts/need-postgres

# They also use an S3 server and a contract tester, which are written in Python.
python:
	@scripts/need-python-tool moto
	@scripts/need-python-tool schemathesis

$(CARGO_DENY):
	$(CARGO) install cargo-deny --locked --version $(CARGO_DENY_VERSION) --root $(TOOLS) --debug

$(CARGO_FUZZ):
	$(CARGO) install cargo-fuzz --locked --version $(CARGO_FUZZ_VERSION) --root $(TOOLS) --debug
