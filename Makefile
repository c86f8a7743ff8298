# Every command of the project, which CI calls too.
.DEFAULT_GOAL := help
CARGO ?= cargo
# What is built: amd64 or arm64, by default for this machine.
ARCH ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)
CPU := $(if $(filter arm64,$(ARCH)),aarch64,x86_64)
TARGET := $(CPU)-unknown-linux-musl
# What compiles the C of the static program: musl's own compiler for this machine's architecture, a cross compiler for the
# other one, which also links. Atomics of arm64 are written out there: those of libgcc would ask a libc that is not musl.
ifeq ($(CPU),$(subst arm64,aarch64,$(shell uname -m)))
STATIC_CC := musl-gcc
STATIC_CC_PACKAGE := musl-tools
else
STATIC_CC := $(CPU)-linux-gnu-gcc
STATIC_CC_PACKAGE := gcc-$(subst _,-,$(CPU))-linux-gnu
export CARGO_TARGET_$(shell echo $(TARGET) | tr a-z- A-Z_)_LINKER := $(STATIC_CC)
export CFLAGS_$(subst -,_,$(TARGET)) := $(if $(filter aarch64,$(CPU)),-mno-outline-atomics)
endif
# For its own musl-gcc an amd64 machine needs no word, and without one cargo builds the same whoever calls it.
ifneq ($(TARGET) $(STATIC_CC),x86_64-unknown-linux-musl musl-gcc)
export CC_$(subst -,_,$(TARGET)) := $(STATIC_CC)
endif

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

demo: ## The main job: inject the sample through a real TLS admission call, and explain it
	@$(CARGO) build --quiet --bins --examples
	@$(CARGO) run --quiet --example demo

test: check lint-workflows deploy-tools ## All tests, with all their set-up
	$(call run-suites,fast cluster_room apiserver deploy cluster_smoke workloads live)

ahead: ## Build what the tests need beside themselves: Kubernetes, its tools, the release binary
	@+$(MAKE) --no-print-directory --jobs 2 ahead-go ahead-rust

ahead-go: deploy-tools
	@$(LAUNCH) build --level 3
	@$(LAUNCH) tool actionlint

# The end of the release build keeps one processor busy for minutes: not at the last moment.
ahead-rust: release
	@./benches/gate.sh build

test-fast: check suite-fast ## All tests but those that need a Kubernetes

# Many tests wait for living applications: more at a time than there are processors.
suite-fast: export RUST_TEST_THREADS ?= 8
suite-fast:
	$(CARGO) test

check: ## Format, lints, architecture
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --quiet -- -D warnings

fmt: ## Format the code
	$(CARGO) fmt

docs: ## Write the reference pages anew from their tables
	UPDATE_DOCS=1 $(CARGO) test --quiet --test docs --test settings --test deploy

golden: ## Write the expected files of the golden cases anew
	UPDATE_GOLDEN=1 $(CARGO) test --quiet --test cases --test chain

release: ## The static release binary (ARCH=arm64 or amd64)
	@rustup target list --installed | grep -q $(TARGET) || rustup target add $(TARGET)
	@command -v $(STATIC_CC) >/dev/null || { \
		echo "$(STATIC_CC) is missing, which ARCH=$(ARCH) needs here: apt-get install $(STATIC_CC_PACKAGE)" >&2; exit 1; }
	$(CARGO) build --release --target $(TARGET)
	@ls -l $(or $(CARGO_TARGET_DIR),target)/$(TARGET)/release/sidebox

bench-tools: ## The tools in figures, side by side with dotnet-trace
	./benches/tools/run

gate: ## Instructions of one answer, against their limits (needs valgrind)
	./benches/gate.sh

bench: release ## Ratios against the yardsticks, as a table
	./benches/run.sh

include tests/cluster/cluster.mk deploy/deploy.mk fuzz/fuzz.mk images/images.mk

.PHONY: help demo ahead ahead-go ahead-rust test test-fast suite-fast gate check fmt docs golden release bench bench-tools
