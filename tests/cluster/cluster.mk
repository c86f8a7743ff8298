# A real Kubernetes for the tests and for a person (tests/cluster/README.md). Included by the Makefile.

CLUSTER_LEVEL ?= 2
LAUNCH := tests/cluster/launch

.PHONY: cluster cluster-node cluster-down cluster-build cluster-smoke test-cluster test-oldest kind-test lint-workflows e2e

cluster: ## Start a Kubernetes control plane (CLUSTER_LEVEL=1 or 2) and print its kubeconfig
	@$(LAUNCH) up --level $(CLUSTER_LEVEL)

cluster-node: ## Start one with a node that runs containers, as root (level 3)
	@$(LAUNCH) up --level 3

cluster-down: ## End what `make cluster` or `make cluster-node` started
	@$(LAUNCH) down

cluster-build: ## Build the pinned Kubernetes into the cache
	@$(LAUNCH) build --level $(CLUSTER_LEVEL)

cluster-smoke: cluster-build ## Prove the launcher: side by side, killed, started again, ended
	$(call run-suites,cluster_smoke)

# Each of its tests starts clusters.
suite-cluster_smoke: export RUST_TEST_THREADS := 1

# Suites with a cluster of their own each, and the tests without one: some at a time, since they wait as much as they work. Each is
# shown once it has ended. On a given cluster, which needs no programs of ours, they would meet: one after the other.
CLUSTER_SUITES := cluster_room apiserver workloads live
SUITES_AT_ONCE := $(if $(SIDEBOX_KUBECONFIG),1,3)
define run-suites
$(CARGO) test --no-run $(if $(filter fast,$(1)),,$(addprefix --test ,$(1)))
@+$(MAKE) --no-print-directory --jobs $(SUITES_AT_ONCE) --output-sync=target $(addprefix suite-,$(1))
endef

test-cluster: $(if $(SIDEBOX_KUBECONFIG),,cluster-build) ## The API server as judge, workloads (SIDEBOX_KUBECONFIG=FILE: on that cluster)
	$(call run-suites,$(CLUSTER_SUITES))

test-oldest: export SIDEBOX_KUBERNETES := oldest
test-oldest: ## The same on the oldest Kubernetes that Sidebox supports, built like the pinned one
	@$(MAKE) --no-print-directory test-cluster

suite-%:
	$(CARGO) test --test $* -- --ignored

kind-test: ## The same on kind (KIND_IMAGE=), then the chart with images loaded into it; needs Docker, kind, kubectl
	@tests/cluster/kind-test

lint-workflows: ## The workflows of CI, by actionlint, and the scripts that few machines can run
	"$$($(LAUNCH) tool actionlint)" .github/workflows/*.yml
	bash -n tests/cluster/kind-test

e2e: release ## The recipe for real, as root: .NET in containers, traces through kubectl exec
	@$(LAUNCH) build --level 3
	$(CARGO) test --test cluster_node -- --ignored
	@$(LAUNCH) tool helm
	$(CARGO) test --test in_cluster -- --ignored
	$(CARGO) test --test e2e -- --ignored
