# The verbs of kubebuilder's projects. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -c
.DEFAULT_GOAL := help
CARGO ?= cargo
export CARGO
LIB := . e2e/lib.sh

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

##@ Use
.PHONY: demo demo-down
demo: ## From nothing to imported images on a real cluster: under 25 minutes the first time, then under 2
	@e2e/demo.sh up
demo-down: ## Remove all of it; built programs and disk images stay in the cache
	@e2e/demo.sh down

##@ Build
.PHONY: build image manifests
build: ## The static program
	@$(LIB); build_program
image: ## The FROM scratch image, in the local cluster or pushed to $REGISTRY; prints its reference
	@$(LIB); use_cluster; e2e/deploy.sh image
manifests: ## Write the generated files: crds/, docs/rules.md, docs/profiles/
	@e2e/manifests.sh

##@ Check
.PHONY: test e2e lint verify boot-test bench fuzz
test: ## All tests: units, parsers against the real tools, end to end on a real cluster
	@e2e/test.sh
e2e: ## Only the end-to-end cases, or one of them: make e2e CASE=smoke
	@e2e/test.sh --test 'e2e*' -- $(CASE)
lint: ## Format and clippy
	@$(LIB); need_rust; rust_tools
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
verify: lint ## lint, generated files fresh, chart and kustomizations build
	@e2e/manifests.sh --check
boot-test: ## Boot disk images under QEMU, each with one fault, and hold what happens against the verdict: make boot-test CASE=fstab
	@e2e/images/boot.sh $(CASE)
fuzz: ## Fuzz every parser, FUZZ_RUNS=20000 times each; one of them: make fuzz TARGET=ext
	@e2e/fuzz/fuzz.sh $(TARGET)
bench: ## What an inspection costs (CPU, memory, requests, bytes), a conversion beside qemu-img, and an import the API server
	@e2e/bench/bench.sh

##@ Cluster: the one of $KUBECONFIG with $REGISTRY, else one on this machine
.PHONY: cluster install uninstall run deploy undeploy
cluster: ## Start it, with a store that holds both disk images; prints the lines to use it
	@e2e/deploy.sh cluster
install: ## The CRDs only
	@$(LIB); use_cluster; kubectl apply --server-side -k crds
uninstall: ## Remove the CRDs, and with them every import
	@e2e/deploy.sh release
	@$(LIB); use_cluster; kubectl delete --ignore-not-found -k crds
run: ## Run the operator from the source tree against the cluster
	@$(LIB); use_cluster; $(CARGO) run -- run
deploy: ## The operator, built here, by its chart
	@e2e/deploy.sh operator
undeploy: ## Remove the operator; CRDs, imports, records and their objects stay
	@e2e/deploy.sh down
