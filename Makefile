.PHONY: run test bench check openapi fuzz

run: ## Build in release and serve a demo company on http://127.0.0.1:8080
	cargo run --release -- serve --demo

test: ## The whole suite on SQLite and again on PostgreSQL
	scripts/test.sh

bench: ## Load and limits, printed as a table (docs/PERFORMANCE.md explains it)
	cargo build --release -p sala -p bench
	scripts/bench.sh

check: ## What CI checks before the tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

openapi: ## Write openapi.json anew from the handlers' attributes
	cargo run --quiet -- openapi > openapi.json

fuzz: ## A minute each of the parsers that read what strangers send
	scripts/fuzz.sh
