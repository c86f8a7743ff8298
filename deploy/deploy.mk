# The chart and what is rendered from it. Included by the Makefile.

.PHONY: manifests test-deploy

manifests: ## Render the plain manifests of deploy/ from the chart anew
	UPDATE_MANIFESTS=1 $(CARGO) test --quiet --test deploy the_committed_manifest_is_the_chart -- --ignored

test-deploy: cluster-build ## The chart: rendered, taken by a real API server, its webhooks called by it
	for tool in helm kinds promtool; do $(LAUNCH) tool $$tool || exit 1; done
	$(CARGO) test --test deploy -- --ignored --test-threads=1
