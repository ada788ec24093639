#!/usr/bin/env bash
# Everybody side by side, in one run: bash benches/compare/run.sh [--quick|--small] [OUT]
# Needs Rust with a C compiler, Python with pip, and curl. Writes RESULTS.md and compare.svg, here or to OUT. --quick takes
# six minutes on two cores, once it is built; without it, hours; --small only shows that everything runs. Our journal in PostgreSQL is one
# of the contestants where TOKENTURN_POSTGRES_URL has the address of a server on this machine.
set -euo pipefail
kind=full
case "${1:-}" in
    --quick | --small) kind="${1#--}"; shift ;;
esac
mkdir -p "${1:-.}"
out="$(cd "${1:-$(dirname "$0")}" && pwd)"
cd "$(dirname "$0")"

# What is on loopback goes to no proxy.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
target="${CARGO_TARGET_DIR:-$PWD/target}"
cargo build --locked --release --quiet
python="$target/python"
if ! cmp -s loops/requirements.txt "$python/requirements.txt"; then
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check -r loops/requirements.txt
    cp loops/requirements.txt "$python/requirements.txt"
fi
"$target/release/compare" "$kind" "$target/release" "$PWD/loops" "$python/bin/python" "$target/scratch" "$out"
