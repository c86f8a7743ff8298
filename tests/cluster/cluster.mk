# A real Kubernetes for the tests and for a person (tests/cluster/README.md). Included by the Makefile.

CLUSTER_LEVEL ?= 2
LAUNCH := tests/cluster/launch

.PHONY: cluster cluster-node cluster-down cluster-build cluster-smoke test-cluster kind-test lint-workflows e2e

cluster: ## Start a Kubernetes control plane (CLUSTER_LEVEL=1 or 2) and print its kubeconfig
	@$(LAUNCH) up --level $(CLUSTER_LEVEL)

cluster-node: ## Start one with a node that runs containers, as root (level 3)
	@$(LAUNCH) up --level 3

cluster-down: ## End what `make cluster` or `make cluster-node` started
	@$(LAUNCH) down

cluster-build: ## Build the pinned Kubernetes into the cache
	@$(LAUNCH) build --level $(CLUSTER_LEVEL)

cluster-smoke: cluster-build ## Prove the launcher: side by side, killed, started again, ended
	cargo test --test cluster_smoke -- --ignored --test-threads=1

# A given cluster needs no programs of ours.
test-cluster: $(if $(SIDEBOX_KUBECONFIG),,cluster-build) ## The API server as judge, workloads (SIDEBOX_KUBECONFIG=FILE: on that cluster)
	$(CARGO) test --test apiserver --test cluster_room --test workloads --test live -- --ignored

kind-test: ## The same on kind (KIND_IMAGE=), then the chart with images loaded into it; needs Docker, kind, kubectl
	@tests/cluster/kind-test

lint-workflows: ## The workflows of CI, by actionlint
	"$$($(LAUNCH) tool actionlint)" .github/workflows/*.yml

e2e: release ## The recipe for real, as root: .NET in containers, traces through kubectl exec
	@$(LAUNCH) build --level 3
	$(CARGO) test --test cluster_node -- --ignored
	@$(LAUNCH) tool helm
	$(CARGO) test --test in_cluster -- --ignored
	$(CARGO) test --test e2e -- --ignored
