#!/bin/sh
# Installs what podlab needs and this machine lacks: nft, and a C compiler for the database that is built in.
# Does nothing when all is there. Needs root to install; says what to do when it isn't.
set -eu

PATH="$PATH:/usr/sbin:/sbin"

missing=""
command -v nft > /dev/null || missing="nftables"
command -v cc > /dev/null || missing="$missing gcc"
[ -n "$missing" ] || exit 0

if command -v apt-get > /dev/null; then
    install="apt-get install -y --no-install-recommends"
    case "$missing" in *gcc*) missing="$missing libc6-dev" ;; esac
elif command -v dnf > /dev/null; then install="dnf install -y"
elif command -v zypper > /dev/null; then install="zypper --non-interactive install"
elif command -v pacman > /dev/null; then install="pacman -S --noconfirm"
elif command -v apk > /dev/null; then install="apk add"
else
    echo "podlab: please install with your package manager:$missing" >&2
    exit 3
fi

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
    as_root="sudo "
else
    echo "podlab: something is missing that only root can install. Please run: sudo $install $missing" >&2
    exit 3
fi

echo "podlab: installing what is missing: $as_root$install $missing" >&2
case "$install" in
    apt-get*)
        export DEBIAN_FRONTEND=noninteractive
        # A fresh machine has no package lists yet, and an old one may have stale ones.
        $as_root$install $missing > /dev/null 2>&1 || {
            ${as_root}apt-get update > /dev/null
            $as_root$install $missing > /dev/null
        }
        ;;
    *) $as_root$install $missing > /dev/null ;;
esac
