# Every command of the project. CI calls these and nothing else.
.DEFAULT_GOAL := help
CARGO ?= cargo
# What is built: amd64 or arm64, by default for this machine.
ARCH ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)
TARGET := $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-musl

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: ## The main job: inject the sample through a real TLS admission call, and explain it
	@$(CARGO) build --quiet --bins --examples
	@$(CARGO) run --quiet --example demo

test: test-fast lint-workflows test-cluster test-deploy ## All tests, with all their set-up
	./benches/gate.sh

test-fast: check ## All tests but those that need a Kubernetes
	$(CARGO) test

check: ## Format, lints, architecture
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --quiet -- -D warnings

fmt: ## Format the code
	$(CARGO) fmt

docs: ## Write the reference pages anew from their tables
	UPDATE_DOCS=1 $(CARGO) test --quiet --test docs --test settings --test deploy

golden: ## Write the expected files of the golden cases anew
	UPDATE_GOLDEN=1 $(CARGO) test --quiet --test cases

release: ## The static release binary (ARCH=arm64 or amd64)
	@rustup target list --installed | grep -q $(TARGET) || rustup target add $(TARGET)
	@command -v musl-gcc >/dev/null || { echo "musl-gcc is missing: apt-get install musl-tools" >&2; exit 1; }
	$(CARGO) build --release --target $(TARGET)
	@ls -l target/$(TARGET)/release/sidebox

bench-tools: ## The tools in figures, side by side with dotnet-trace
	./benches/tools/run

bench: release ## Ratios against the yardsticks, as a table
	./benches/run.sh

include tests/cluster/cluster.mk deploy/deploy.mk fuzz/fuzz.mk images/images.mk

.PHONY: help demo test test-fast check fmt docs golden release bench bench-tools
