# Each target is a few plain commands, so that cargo alone serves as well.
# `make` lists the targets.

.DEFAULT_GOAL := help
# Options of `make numbers`, such as --quick or --no-peers.
NUMBERS ?=
# Options of `make bench-detection`, such as --seeds 1,2 or --alone.
DETECTION ?=
# The example of `make example`.
NAME ?= hospital
# How long `make fuzz` stays with each target.
SECONDS ?= 600
# How often `make faults` kills.
KILLS ?= 200
# How long `make soak` takes.
MINUTES ?= 40

.PHONY: help demo example test bench stages numbers bench-detection series gate gate-detection \
	keep-detection fuzz crash siege faults ledger noise soak lint golden metrics docs deb \
	package-test console-test clean-out

export CARGO_TERM_COLOR ?= auto
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /|/' \
		| awk -F'|' '{ printf "  make %-15s %s\n", $$1, $$2 }'

demo: ## build, then simulate a site with leaks and find them
	@scripts/need.sh build
	cargo build --release --locked
	$(TARGET_DIR)/release/borderflow demo

example: ## play a worked example: NAME=hospital (gene-laboratory, car-maker, fund, free-trade-zone)
	@scripts/need.sh build
	cargo build --release --locked
	scripts/example.sh $(TARGET_DIR)/release/borderflow $(NAME)

test: ## run every test
	@scripts/need.sh test
	cargo test --locked --release

console-test: ## test the console's pages in a browser (tests/console/README.md)
	python3 -m unittest discover -s tests/console -t tests/console

bench: stages numbers ## time everything

stages: ## time each stage of the packet path
	@scripts/need.sh build
	cargo bench --locked --bench stages

numbers: ## measure what is promised, write docs/numbers.md (NUMBERS=--quick)
	@scripts/need.sh numbers
	python3 benches/numbers $(NUMBERS)

bench-detection: ## score detectors, ours and others, write docs/detection.md (DETECTION=--quick)
	@scripts/need.sh build
	mkdir -p out
	cargo bench --locked --bench detection -- --write docs/detection.md \
		--detail out/detection-misses.tsv $(DETECTION)

series: ## put leaks into real series, write docs/series.md (needs ../shared)
	@scripts/need.sh build
	python3 benches/series.py

gate: ## count the instructions that a packet costs
	@scripts/need.sh test
	python3 benches/gate.py

gate-detection: ## hold a small run of our detectors against the kept figures
	@scripts/need.sh build
	cargo bench --locked --bench detection -- --gate benches/detection/kept.json

keep-detection: ## keep the figures of that run
	@scripts/need.sh build
	cargo bench --locked --bench detection -- --gate benches/detection/kept.json --keep

fuzz: ## fuzz each target (SECONDS=600)
	@scripts/need.sh build
	@cargo fuzz --version >/dev/null 2>&1 || \
		{ echo "fuzz: no cargo-fuzz (cargo install cargo-fuzz --locked)"; exit 1; }
	for target in reader:8192 decode:700 flow:2048 dissect:4096 policy:6000 lists:4096 \
			ledger:2048 inspect:4096 flow_input:4096; do \
		name=$${target%:*}; mkdir -p fuzz/found/$$name; \
		RUSTC_BOOTSTRAP=1 cargo fuzz run $$name fuzz/found/$$name fuzz/corpus/$$name -- \
			-max_len=$${target#*:} -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024 \
			-print_final_stats=1 || exit 1; \
	done

crash: ## kill a ledger at every step towards the disk, look at what is left
	@scripts/need.sh build
	cargo build --release --locked --bin borderflow --example ledger
	scripts/crash.py $(TARGET_DIR)/release/examples/ledger $(TARGET_DIR)/release/borderflow

siege: ## capture while the HTTP port is besieged, look at what is lost
	@scripts/need.sh build
	cargo build --release --locked --bin borderflow
	scripts/siege.py $(TARGET_DIR)/release/borderflow

faults: ## kill a running sensor KILLS=200 times, take its disk, clock, interface (needs root)
	@scripts/need.sh build
	cargo build --release --locked --bin borderflow
	scripts/faults.py $(TARGET_DIR)/release/borderflow $(KILLS)

package-test: deb ## install the package on a fresh Debian under systemd (needs root)
	scripts/package_test.sh $(TARGET_DIR)/debian/borderflow_*.deb out/debian

ledger: ## time a ledger of a million entries
	@scripts/need.sh build
	cargo build --release --locked --example ledger
	rm -rf out/ledger-timed
	$(TARGET_DIR)/release/examples/ledger time out/ledger-timed 1000000

noise: ## count identifiers that inspection finds in a gigabyte without any
	@scripts/need.sh build
	cargo run --release --locked --example noise -- 1000

soak: ## run on a link with clients, a flood and a leak for MINUTES=40 (needs root)
	@scripts/need.sh build
	cargo build --release --locked --bin borderflow --example mixes
	scripts/soak.py $(TARGET_DIR)/release/borderflow $(TARGET_DIR)/release/examples/mixes \
		out/soak $(MINUTES)

# As a release, so that macros and what is written in C are built once for lints and tests.
lint: ## check format, lints, API docs, dependencies, scripts
	@scripts/need.sh build
	@if cargo fmt --version >/dev/null 2>&1; then set -x; cargo fmt --check; \
		else echo "lint: no rustfmt (rustup component add rustfmt): format not checked"; fi
	@if cargo clippy --version >/dev/null 2>&1; then set -x; \
		cargo clippy --locked --release --all-targets -- -D warnings; \
		else echo "lint: no clippy (rustup component add clippy): lints not checked"; fi
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --locked --release
	@if cargo deny --version >/dev/null 2>&1; then set -x; \
		cargo deny check licenses bans sources; \
		else echo "lint: no cargo-deny: dependencies not checked"; fi
	@if command -v shellcheck >/dev/null; then set -x; shellcheck scripts/*.sh .ci/run; \
		else echo "lint: no shellcheck: scripts not checked"; fi

golden: ## rewrite the expected outputs of tests/golden, then show what changed
	@scripts/need.sh build
	UPDATE_GOLDEN=1 cargo test --locked --release --test it golden
	git status --short -- tests/golden
	git --no-pager diff --stat -- tests/golden

metrics: ## rewrite docs/metrics.md from the program, then show what changed
	@scripts/need.sh build
	UPDATE_GOLDEN=1 cargo test --locked --release --test it the_page_of_metrics
	git --no-pager diff --stat -- docs/metrics.md

deb: ## build the package: program, service, manual pages, completions (needs cargo-deb)
	@scripts/need.sh build
	@cargo deb --version >/dev/null 2>&1 || \
		{ echo "deb: no cargo-deb (cargo install cargo-deb --locked)"; exit 1; }
	cargo build --release --locked
	$(TARGET_DIR)/release/borderflow generate out/generated
	gzip -9 -n -f out/generated/*.1
	cargo deb --no-build --locked

docs: ## build the API docs of the library
	@scripts/need.sh build
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --locked --release
	@echo "open $(TARGET_DIR)/doc/borderflow/index.html"

clean-out: ## remove the outputs of demo and replay, keep the build
	rm -rf out
