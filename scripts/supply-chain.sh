#!/bin/sh
# Checks what podlab is built from: licences, known vulnerabilities, duplicates and sources of all crates (deny.toml), and
# that each crate that is named is used. Builds cargo-deny and cargo-machete into target/tools.
set -eu
cd "$(dirname "$0")/.."

deny=0.20.2
machete=0.9.2
tools=target/tools-$deny-$machete
if [ ! -e "$tools/bin/cargo-machete" ]; then
    echo "podlab: building cargo-deny $deny and cargo-machete $machete into $tools" >&2
    # They are slow to build with optimisations, and fast enough without.
    scripts/cargo.sh install --quiet --debug --locked --root "$tools" "cargo-deny@$deny"
    scripts/cargo.sh install --quiet --debug --locked --root "$tools" "cargo-machete@$machete"
fi
PATH="$PWD/$tools/bin:$PATH"

scripts/cargo.sh machete
scripts/cargo.sh deny --locked check licenses bans sources
# The advisories are a repository at GitHub, which not each machine reaches.
if scripts/cargo.sh deny fetch db; then
    scripts/cargo.sh deny --locked check advisories
else
    echo "podlab: WARNING: the advisories can't be fetched, and aren't checked" >&2
fi
