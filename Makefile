# What people and CI run. Each target sets up what it needs.

CARGO := scripts/cargo.sh
PODLAB := target/release/podlab
SCENARIOS := $(basename $(notdir $(wildcard scenarios/*.yaml)))

.PHONY: build setup clients test kill conformance oracle fuzz-smoke vm lint supply-chain bench bench-full bench-dns soak scenarios $(SCENARIOS:%=scenario-%)

build: setup
	@$(CARGO) build --release

setup:
	@scripts/setup.sh

# Runs scenarios/NAME.yaml. FLAGS are passed on: make scenario-three-tier FLAGS=--keep
$(SCENARIOS:%=scenario-%): scenario-%: build
	@$(PODLAB) run $(FLAGS) scenarios/$*.yaml

scenarios: $(SCENARIOS:%=scenario-%)

test: setup clients
	@$(CARGO) test --workspace

# kubectl, Helm and Python's kubernetes, into target/clients: the tests of the API drive it with them. Without a network
# these tests are left out, but not in CI.
clients:
	@scripts/clients.sh || [ -z "$$CI" ]

# Kubernetes' own tests of Services, with what came of each.
conformance: setup
	@$(CARGO) test --quiet --package podlab-tests --test conformance -- --nocapture --test-threads=1

# SIGKILL, SIGINT and SIGTERM at 500 moments each, instead of the few that `make test` tries.
kill: setup
	@PODLAB_MOMENTS=500 $(CARGO) test --package podlab-tests --test kill -- --nocapture

# Kubernetes' own JSON Schemas: what they refuse, podlab refuses.
oracle: setup
	@scripts/oracle.sh

# Inputs that nobody thought of, for a minute; needs a C++ compiler. fuzz/README.md has the way to longer runs.
fuzz-smoke:
	@scripts/fuzz-smoke.sh

# What this machine may not show, in an emulated one with Debian's kernel: limits of resources by cgroup v2, for root and for
# ordinary users, and a kernel without nf_tables. Takes some minutes; CI leaves it out. As root it installs qemu.
vm: build
	@scripts/vm.sh $(PODLAB)

lint:
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --workspace --all-targets -- -D warnings

# Licences, known vulnerabilities, duplicates and sources of the crates that podlab is built from, and unused ones.
supply-chain: setup
	@scripts/supply-chain.sh

# podlab beside its peers and the kernel's own pace, into docs/benchmarks: within five minutes, or with all that takes long.
# As root it installs the peers. FLAGS are passed on: make bench FLAGS="--only pods,services"
bench bench-full: setup
	@scripts/bench-setup.sh
	@$(CARGO) build --release --package podlab --package podlab-bench
	@target/release/podlab-bench $(FLAGS) $(if $(filter bench-full,$@),--full)
	@[ "$$(id -u)" != 0 ] || chown -R --reference=Makefile docs/benchmarks

# The name server beside dnsmasq; needs dnsmasq and dnsperf.
bench-dns: build
	@scripts/bench-dns.sh $(PODLAB)

# A cluster under traffic that changes fifty times a second, for as many MINUTES, into docs/soak.md: nothing grows, and
# nothing is lost.
soak: setup
	@SOAK_MINUTES=$(or $(MINUTES),30) $(CARGO) test --release --package podlab-tests --test soak
	@[ "$$(id -u)" != 0 ] || chown --reference=Makefile docs/soak.md
