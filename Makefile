.PHONY: run web render release install package test bench check openapi fuzz

run: ## Build for a first look and serve a demo company on http://127.0.0.1:8080, with its console where Node 20 or newer is there
	scripts/web.sh build-if-possible
	@render=$$(scripts/render.sh path); \
	if [ -n "$$render" ]; then export SALA_RENDER="$$render"; else echo "Without documents as PDF: make render builds the program that makes them"; fi; \
	cargo run --profile quick -- serve --demo

release: ## Build for production: target/release/sala and sala-render beside it, with the console where Node 20 or newer is there
	scripts/web.sh build-if-possible
	cargo build --release --locked -p sala
	install -m 755 "$$(scripts/render.sh)" "$${CARGO_TARGET_DIR:-target}/release/sala-render"

PREFIX ?= /usr/local

install: release ## Put the programs into PREFIX/bin (/usr/local unless told; PREFIX=$$HOME/.local needs no root)
	install -D -m 755 "$${CARGO_TARGET_DIR:-target}/release/sala" $(DESTDIR)$(PREFIX)/bin/sala
	install -D -m 755 "$${CARGO_TARGET_DIR:-target}/release/sala-render" $(DESTDIR)$(PREFIX)/bin/sala-render

package: ## Build in release and make an archive and a folder for a container image (scripts/package.sh)
	scripts/package.sh

web: ## Build the console into web/dist; the next cargo build puts it into the program
	scripts/web.sh build

render: ## Build the program that makes documents (PDF), once for each state of its sources; prints where it is
	@scripts/render.sh

test: ## The whole suite on SQLite and again on PostgreSQL
	scripts/test.sh

bench: ## Load and limits, printed as a table (docs/PERFORMANCE.md explains it)
	cargo build --release -p sala -p bench
	scripts/bench.sh

check: ## What CI checks before the tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	cargo fmt --manifest-path crates/render/Cargo.toml --check

openapi: ## Write openapi.json and docs/COMMANDS.md anew from the handlers' attributes
	cargo run --quiet -- openapi > openapi.json
	cargo run --quiet -- reference > docs/COMMANDS.md
	scripts/web.sh schema-if-possible

fuzz: ## A minute each of the parsers that read what strangers send
	scripts/fuzz.sh
