#!/bin/sh
# Installs what podlab is compared with: mininet, with its Linux bridge, and iptables. Does nothing when all is there,
# and when it isn't root: the benchmarks say what is missing then.
set -eu

PATH="$PATH:/usr/sbin:/sbin"

missing=""
command -v mn > /dev/null || missing="mininet"
command -v brctl > /dev/null || missing="$missing bridge-utils"
command -v iptables-restore > /dev/null || missing="$missing iptables"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "podlab: comparing without $missing; to have it: apt-get install $missing" >&2
    exit 0
fi

echo "podlab: installing what podlab is compared with: $missing" >&2
export DEBIAN_FRONTEND=noninteractive
install="apt-get install -y --no-install-recommends"
# A fresh machine has no package lists yet, and an old one may have stale ones.
# shellcheck disable=SC2086
$install $missing > /dev/null 2>&1 || {
    apt-get update > /dev/null
    $install $missing > /dev/null
}
