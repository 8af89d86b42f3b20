# Kapija: `make` alone lists what there is.
GO      ?= go
BIN     := bin
HIL     := build/hil
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help
.PHONY: help run build test packages lint unit e2e hil cross bench crash powercut fmt gen clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## start the whole system on this machine, with two buildings that live, and print where to look
	@exec $(BIN)/kapija demo

build: ## both binaries, into bin/
	@mkdir -p $(BIN)
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

test: packages lint unit cross hil e2e ## everything that must hold: lint, unit (race), other processors, real ARM kernel, whole system, browser
	@echo "make test: all passed"

packages: ## install the Debian packages that the tests need, or name them
	@tools/packages

lint: ## gofmt, vet, staticcheck, govulncheck, generated files up to date
	@tools/lint

unit: ## unit tests of all packages with the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 10m $$($(GO) list ./... | grep -v '^kapija/e2e')

e2e: build ## the built binaries, a real broker, a real InfluxDB, a real browser, and faults
	$(GO) test -count=1 -timeout 15m -v ./e2e/... 2>&1 | tools/e2e-summary

hil: ## Wiegand, inputs and locks on a real arm64 kernel with simulated GPIO, as arm64 and arm/v6 programs
	@hil/run

cross: ## build for every processor that a gateway or server has
	@for t in amd64 arm64 arm/6; do echo "build linux/$$t"; GOOS=linux GOARCH=$${t%/*} GOARM=$${t#*/} $(GO) build -o /dev/null ./cmd/kapija-gateway && GOOS=linux GOARCH=$${t%/*} GOARM=$${t#*/} $(GO) vet ./cmd/... || exit 1; done

bench: build ## the numbers of docs/performance.md
	$(GO) test -run '^$$' -bench . -benchmem ./...

crash: ## kill the journal's writer two hundred times
	KAPIJA_CRASH_ROUNDS=200 $(GO) test -count=1 -run SurvivesKill -v ./gateway/journal

powercut: ## cut the power of a machine that writes a journal on ext4, again and again
	@hil/powercut

fmt: ## format
	gofmt -w $$(git ls-files '*.go' | grep -v _templ.go)
	$(GO) tool templ fmt dashboard/web

gen: ## generate Go from the page templates
	$(GO) tool templ generate -path dashboard/web

clean: ## remove what was built; the demo's data stays
	rm -rf $(BIN) build
