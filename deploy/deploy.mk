# The chart and what is rendered from it. Included by the Makefile.

.PHONY: manifests test-deploy deploy-tools

manifests: ## Render the plain manifests of deploy/ from the chart anew
	UPDATE_MANIFESTS=1 $(CARGO) test --quiet --test deploy the_committed_manifest_is_the_chart -- --ignored

test-deploy: deploy-tools ## The chart: rendered, taken by a real API server, its webhooks called by it
	$(call run-suites,deploy)

deploy-tools: cluster-build
	@for tool in helm kinds promtool; do $(LAUNCH) tool $$tool || exit 1; done

# Most of its tests start a cluster of their own.
suite-deploy: export RUST_TEST_THREADS := 1
