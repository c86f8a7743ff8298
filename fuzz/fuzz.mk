# Fuzzing: each target for FUZZ_SECONDS, one after the other. Needs a nightly compiler; not part of CI.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := review pod annotations settings documents gcdump heap nettrace profile counters recording answers
# Sidebox has no unsafe code of its own, so a sanitizer would only make this slower.
FUZZ_RUN := $(CARGO) +nightly fuzz run --sanitizer none
FUZZ_SEEDS_review := benches/data
FUZZ_SEEDS_pod := fuzz/seeds/pod
FUZZ_SEEDS_annotations :=
FUZZ_SEEDS_settings := tests/settings
FUZZ_SEEDS_documents := samples/helloaks/k8s
FUZZ_SEEDS_gcdump := fuzz/seeds/gcdump
FUZZ_SEEDS_heap := fuzz/seeds/heap
FUZZ_SEEDS_nettrace := fuzz/seeds/nettrace
FUZZ_SEEDS_profile := fuzz/seeds/profile fuzz/seeds/nettrace
FUZZ_SEEDS_counters := fuzz/seeds/counters
FUZZ_SEEDS_recording := fuzz/seeds/nettrace
FUZZ_SEEDS_answers :=

fuzz: fuzz-tools $(FUZZ_TARGETS:%=fuzz-%) ## All fuzz targets, a minute each
	@echo "fuzz: nothing found"

fuzz-tools:
	@rustup toolchain list 2>/dev/null | grep -q '^nightly' || { \
		echo "fuzz: a nightly compiler is needed: rustup toolchain install nightly --profile minimal" >&2; exit 1; }
	@command -v cargo-fuzz >/dev/null || { \
		echo "fuzz: cargo-fuzz is missing, installing it"; $(CARGO) install cargo-fuzz --locked; }

$(FUZZ_TARGETS:%=fuzz-%): fuzz-%: fuzz-tools
	@mkdir -p fuzz/corpus/$*
	@echo "fuzz: $* for $(FUZZ_SECONDS) s"
	@$(FUZZ_RUN) $* fuzz/corpus/$* $(FUZZ_SEEDS_$*) -- -max_total_time=$(FUZZ_SECONDS) \
		-timeout=10 -rss_limit_mb=1024 -len_control=0 -print_final_stats=1 -verbosity=0 || { \
		echo "fuzz: $* found an input that breaks a law: see fuzz/artifacts/$*/; once more with" >&2; \
		echo "  $(FUZZ_RUN) $* fuzz/artifacts/$*/FILE" >&2; exit 1; }

.PHONY: fuzz fuzz-tools $(FUZZ_TARGETS:%=fuzz-%)
