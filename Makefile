# Everything needs Go, a C compiler and make alone, and does its own set-up.

BINARY     := build/otelcol-embedding
DEMO       := build/embeddingdemo
QUALITY    := build/embeddingquality
CANARY     := build/embeddingcanary
CONFIG     ?= config/quickstart.yaml
# The one place that says how the distribution is built; the collector builder uses the same flags, so that both share
# the build cache.
TAGS       := $(shell sed -n 's/^  build_tags: //p' builder-config.yaml)
BUILDFLAGS := -trimpath -tags=$(TAGS)
TOOL       := go tool -modfile=internal/tools/go.mod

# go-nvml binds entry points that NVIDIA's header marks as deprecated; the warnings are not ours to act on.
export CGO_CFLAGS := -O2 -g -Wno-deprecated-declarations

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z0-9-]*:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the collector, the demo and the tools into build/.
	CGO_ENABLED=1 go build $(BUILDFLAGS) -ldflags="-s -w" -o $(BINARY) .
	go build -trimpath -o $(DEMO) ./cmd/embeddingdemo
	go build -trimpath -tags=minimal -ldflags="-s -w" -o $(QUALITY) ./cmd/embeddingquality # without formats of pictures but PNG
	go build -trimpath -ldflags="-s -w" -o $(CANARY) ./cmd/embeddingcanary

.PHONY: run
run: build ## Watch a demo server, or EMBEDDING_UPSTREAM=http://host:8000, until Ctrl-C.
	@exec $(DEMO) up --collector $(BINARY) --config $(CONFIG)

.PHONY: test
test: build ## Run every test that needs Go and a C compiler alone. TESTFLAGS=-race and such are passed on.
	OTELCOL_EMBEDDING=$(CURDIR)/$(BINARY) EMBEDDINGDEMO=$(CURDIR)/$(DEMO) \
		go test -tags=$(TAGS) $(TESTFLAGS) ./...
	cd deploy/grafana/generate && go test ./...

.PHONY: e2e
e2e: build build/clients build/litellm build/backends/prometheus build/backends/loki build/backends/jaeger ## Run the end-to-end tests against real servers (needs prometheus, alertmanager, node and python3 on the PATH, and network namespaces).
	OTELCOL_EMBEDDING=$(CURDIR)/$(BINARY) EMBEDDINGDEMO=$(CURDIR)/$(DEMO) \
	E2E_NODE=$$(command -v node) E2E_PYTHON=$(CURDIR)/build/clients/bin/python \
	E2E_LITELLM=$(CURDIR)/build/litellm/bin/python E2E_PROMETHEUS=$(CURDIR)/build/backends/prometheus \
	E2E_LOKI=$(CURDIR)/build/backends/loki E2E_JAEGER=$(CURDIR)/build/backends/jaeger \
		go test -count=1 -timeout=30m -p=1 -parallel=6 -tags=$(TAGS),e2e ./test/e2e/... ./test/hosts/ ./test/dashboards/ ./test/docs/

# The official OpenAI clients: Python's in a virtual environment, beside the library that Open WebUI sends by, Node's
# beside its script.
build/clients: test/clients/requirements.txt test/clients/package-lock.json
	python3 -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check -r test/clients/requirements.txt
	cd test/clients && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# LiteLLM and its proxy, which need another version of OpenAI's client. Most of what they install is never imported:
# Python compiles what is.
build/litellm: test/clients/requirements-litellm.txt
	python3 -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r $<
	touch $@

.PHONY: kubernetes
kubernetes: build ## Check the Kubernetes manifests and the Helm chart, without a cluster.
	cd test/kubernetes && OTELCOL_EMBEDDING=$(CURDIR)/$(BINARY) go test -count=1 ./...

.PHONY: kubernetes-generate
kubernetes-generate: build ## Write the parts of deploy/kubernetes and deploy/helm that come from other files.
	cd test/kubernetes && OTELCOL_EMBEDDING=$(CURDIR)/$(BINARY) go test -count=1 -run='^(TestRules|TestReadmeOfChart|TestOperator)$$' . -update

# Prometheus 3, which no distribution of Linux has yet, and its promtool. Service discovery stays out: the tests need none.
build/backends/prometheus build/backends/promtool &: test/backends/prometheus/go.mod test/backends/prometheus/go.sum
	mkdir -p build/backends
	go build -modfile=test/backends/prometheus/go.mod -trimpath -tags=remove_all_sd -ldflags="-s -w" -o build/backends/ \
		github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool

VERSION := $(shell sed -n 's/^  version: //p' builder-config.yaml)
IMAGE   ?= ghcr.io/otelcol-embedding/otelcol-embedding

.PHONY: image
image: ## Build the container image, and that of the demo (needs Docker with BuildKit). IMAGEFLAGS=--platform=… is passed on.
	docker build -f deploy/docker/Dockerfile --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
		-t $(IMAGE):$(VERSION) $(IMAGEFLAGS) .
	docker build -f deploy/docker/Dockerfile --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
		--target demo -t $(dir $(IMAGE))embeddingdemo:$(VERSION) $(IMAGEFLAGS) .

.PHONY: packages
packages: build ## Build deb and rpm into build/packages/.
	mkdir -p build/packages
	for packager in deb rpm; do ARCH=$$(go env GOARCH) VERSION=$(VERSION) \
		go tool -modfile=deploy/packages/go.mod nfpm package -f deploy/packages/nfpm.yaml -p $$packager -t build/packages/ || exit 1; done

.PHONY: packaging
packaging: packages ## Test the image, the compose file, the unit and the packages, without Docker (needs root and a Debian host).
	test/packaging/setup.sh
	cd test/packaging && OTELCOL_EMBEDDING=$(CURDIR)/$(BINARY) go test -count=1 -timeout=10m ./...

# Loki and its command line, from their modules. Neither cgo nor build tags change what they need.
build/backends/loki build/backends/logcli: test/backends/loki/go.mod test/backends/loki/go.sum
	CGO_ENABLED=0 go build -modfile=$< -trimpath -ldflags="-s -w" -o $@ github.com/grafana/loki/v3/cmd/$(@F)

# Jaeger from its module, without the pages of its interface.
build/backends/jaeger: test/backends/jaeger/go.mod test/backends/jaeger/go.sum
	CGO_ENABLED=0 go build -modfile=$< -trimpath -ldflags="-s -w" -o $@ github.com/jaegertracing/jaeger/cmd/jaeger

.PHONY: realservers
realservers: build ## Run the tap in front of real embedding servers; builds them first, which takes over an hour and 8 GB.
	test/realservers/setup.sh
	. build/realservers/env && OTELCOL_EMBEDDING=$(CURDIR)/$(BINARY) \
		go test -count=1 -timeout=40m -tags=$(TAGS),realservers ./test/realservers/

.PHONY: bench
bench: build ## Run the benchmarks, each beside its baseline.
	OTELCOL_EMBEDDING=$(CURDIR)/$(BINARY) go test -run='^$$' -bench=. -benchmem -tags=$(TAGS) \
		./internal/... ./receiver/... ./processor/... ./connector/... ./test/bench/...

.PHONY: sizing
sizing: build ## Measure what the shipped configurations take of this machine, and write it into docs/sizing.md.
	OTELCOL_EMBEDDING=$(CURDIR)/$(BINARY) EMBEDDINGDEMO=$(CURDIR)/$(DEMO) SIZING_PAGE=$(CURDIR)/docs/sizing.md \
		go test -v -count=1 -timeout=20m -tags=$(TAGS),sizing ./test/sizing/

.PHONY: dashboards
dashboards: ## Regenerate the Grafana dashboards.
	cd deploy/grafana/generate && go generate ./...

.PHONY: dashboards-types
dashboards-types: ## Check the dashboards against the types of Grafana (needs node and npm).
	cd test/dashboards/schema && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error && npm run --silent check

.PHONY: generate
generate: dashboards ## Regenerate the dashboards, and what mdatagen and the collector builder write.
	go generate -tags=$(TAGS) ./receiver/... ./processor/... ./connector/... ./internal/vector
	rm -rf build/builder && mkdir -p build
	$(TOOL) builder --config builder-config.yaml --skip-get-modules --skip-compilation
	mv build/builder/*.go . && gofmt -w components.go main.go main_others.go main_windows.go
	gofmt -w receiver processor connector

.PHONY: generate-check
generate-check: generate ## Fail if something committed differs from what is generated.
	@test -z "$$(git status --porcelain)" || { git status --short; git diff | head -50; \
		echo "generated files differ from what is committed: run 'make generate' and commit"; exit 1; }

.PHONY: lint
lint: ## gofmt, go vet and staticcheck.
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt"; exit 1; }
	go vet -tags=$(TAGS) ./...
	go vet -tags=$(TAGS),e2e,realservers,sizing ./test/...
	cd deploy/grafana/generate && go vet ./...
	cd test/kubernetes && go vet ./...
	cd test/packaging && go vet ./...
	$(TOOL) staticcheck -tags=$(TAGS),e2e,realservers,sizing ./...

.PHONY: builder
builder: ## Build the collector with the plain collector builder, as those do who embed the components elsewhere.
	$(TOOL) builder --config builder-config.yaml

.PHONY: clean
clean: ## Remove build/.
	rm -rf build
