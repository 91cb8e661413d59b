#!/usr/bin/env bash
# Relaying beside Postfix in one run; prints Markdown tables. Needs root and
# Debian's postfix. Arguments go to the instrument (see test/bench/relay): without
# -messages it measures the whole matrix.
set -euo pipefail
cd "$(dirname "$0")/../.."
go build -o bin/postroad ./cmd/postroad
exec go run ./test/bench/relay -postroad bin/postroad "$@"
