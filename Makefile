.PHONY: help build test race fuzz crash simulate powercut restarts property equivalence mutation bench lint fmt demo scale

help: ## the verbs of this file
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

build: ## the program, in bin/
	go build -o bin/postroad ./cmd/postroad

demo: ## a small internet in one process
	go run ./cmd/postroad demo

test: ## all the tests
	go test ./...

race: ## all the tests under the race detector
	go test -race ./...

FUZZTIME ?= 20s
fuzz: ## every fuzz target, FUZZTIME each
	./test/fuzz.sh $(FUZZTIME)

crash: ## long crash campaigns: every I/O operation, and kill -9 under load
	go test -count=1 -timeout 3h ./internal/spool -run 'TestCrash|TestFaults|TestModel|TestBitFlips' -crash.points=all -model.seeds=1000
	POSTROAD_CRASH=all go test -count=1 -timeout 60m -v ./test/crash

LIVES ?= 1000
simulate: ## LIVES lives of the queue, two months each in virtual time, with all that can go wrong
	POSTROAD_SIMULATE=$(LIVES) go test -count=1 -timeout 10h -v -run 'TestSimulation$$' ./internal/queue

powercut: ## a virtual machine's power cut under load, its disk replayed to each flush, its disk failing
	POSTROAD_POWERCUT=all go test -count=1 -timeout 6h -v ./test/powercut

property: ## what is explained is what is delivered, at full size
	POSTROAD_WORLDS=80 go test -count=1 -timeout 20m -v -run 'ExplanationIsDelivery|Isolation' ./test/property

restarts: ## twenty restarts under load: who was refused, the longest stall
	POSTROAD_CRASH=all go test -count=1 -v -run TestRestartUnderLoad ./test/restart

equivalence: ## imported Postfix configurations beside a real Postfix
	go test -count=1 -v -run Import ./internal/importer/... ./test/interop
	POSTROAD_EQUIVALENCE=1000 go test -count=1 -timeout 30m -v ./test/equivalence

mutation: ## breaks one line after the other of what decides; the tests must notice
	go run ./test/mutation

bench: ## decision benchmarks, then relaying beside Postfix, written into docs/performance.md
	go test -run '^$$' -bench . -benchmem ./internal/decide ./internal/spool ./internal/queue ./internal/receive ./internal/deliver
	./test/bench/relay.sh -write docs/performance.md
	./test/bench/relay.sh -write docs/performance.md -measure growth -rounds 1
	./test/bench/relay.sh -write docs/performance.md -measure backlog
	./test/bench/relay.sh -write docs/performance.md -measure operations
	./test/bench/relay.sh -write docs/performance.md -measure fairness -rounds 1

scale: ## a hundred thousand domains, ten million recipients: loading, memory, a decision, a reload
	POSTROAD_SCALE=1 go test -count=1 -v ./test/scale

lint: ## vet and the shape of the house
	go vet ./...
	go test ./internal/archtest

fmt: ## gofmt
	gofmt -w cmd internal test
