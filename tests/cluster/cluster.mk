# A real Kubernetes control plane on loopback (tests/cluster/README.md). Included by the Makefile.

CLUSTER_LEVEL ?= 2
LAUNCH := tests/cluster/launch

.PHONY: cluster cluster-down cluster-build cluster-smoke test-cluster

cluster: ## Start a Kubernetes control plane (CLUSTER_LEVEL=1 or 2) and print its kubeconfig
	@$(LAUNCH) up --level $(CLUSTER_LEVEL)

cluster-down: ## End what `make cluster` started
	@$(LAUNCH) down

cluster-build: ## Build the pinned Kubernetes into the cache
	@$(LAUNCH) build --level $(CLUSTER_LEVEL)

cluster-smoke: cluster-build ## Prove the launcher: side by side, killed, started again, ended
	cargo test --test cluster_smoke -- --ignored --test-threads=1

test-cluster: cluster-build ## The API server as judge: every Pod it takes unpatched it takes patched
	cargo test --test apiserver -- --ignored
