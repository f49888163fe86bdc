#!/bin/sh
# Runs cargo as the owner of this checkout, also under sudo, so that no file in it comes to belong to root;
# and finds cargo where rustup puts it, which the PATH of sudo does not have.
set -eu

home_of() { getent passwd "$1" | cut -d: -f6; }

owner=$(stat -c %U "$(dirname "$0")/..")
caller=${SUDO_USER:-$(id -un)}
if [ "$owner" = UNKNOWN ] || [ "$(id -u)" != 0 ]; then owner=$(id -un); fi

for directory in "${CARGO_HOME:-}/bin" "$(home_of "$owner")/.cargo/bin" "$(home_of "$caller")/.cargo/bin" /usr/local/cargo/bin; do
    if [ -x "$directory/cargo" ]; then
        PATH="$directory:$PATH"
        break
    fi
done
export PATH
command -v cargo > /dev/null || {
    echo "podlab: cargo is not installed: see https://rustup.rs, or your distribution's package cargo" >&2
    exit 3
}

if [ "$owner" = "$(id -un)" ]; then
    # With somebody else's rustup, use the toolchains that it has.
    rustup_home="$(home_of "$caller")/.rustup"
    if [ -z "${RUSTUP_HOME:-}" ] && [ ! -d "$HOME/.rustup" ] && [ -d "$rustup_home" ]; then
        export RUSTUP_HOME="$rustup_home"
    fi
    exec cargo "$@"
elif command -v sudo > /dev/null; then
    exec sudo -u "$owner" -H env "PATH=$PATH" cargo "$@"
else
    exec runuser -u "$owner" -- env "PATH=$PATH" "HOME=$(home_of "$owner")" cargo "$@"
fi
