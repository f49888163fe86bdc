#!/bin/sh
# Runs podlab in a virtual machine with Debian's own kernel and checks there what a machine may not show: limits of
# resources with cgroup v2, of root and of ordinary users, and a kernel without nf_tables. Emulated, it takes minutes.
# Everything it fetches and makes is in target/vm.
set -eu

podlab=$1
scripts=$(cd "$(dirname "$0")" && pwd)
vm=$scripts/../target/vm
packages=$vm/packages
root=$vm/root

say() { echo "vm: $*" >&2; }

if ! command -v apt-get > /dev/null || [ "$(dpkg --print-architecture)" != amd64 ]; then
    say "it is made of Debian's packages for amd64, and this machine has no such apt-get"
    exit 3
fi
if ! command -v qemu-system-x86_64 > /dev/null; then
    install="apt-get install -y --no-install-recommends qemu-system-x86"
    if [ "$(id -u)" != 0 ]; then
        say "qemu-system-x86_64 is missing. Please run: sudo $install"
        exit 3
    fi
    apt-get update > /dev/null
    DEBIAN_FRONTEND=noninteractive $install > /dev/null
fi

# The newest kernel has another name with each version.
newest_kernel() { apt-cache depends linux-image-amd64 2> /dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p'; }

mkdir -p "$packages"
kernel=$(newest_kernel)
if [ -z "$kernel" ]; then
    say "apt-get knows no linux-image-amd64: it needs Debian's package lists (apt-get update)"
    exit 3
fi
for package in "$kernel" busybox-static; do
    if [ ! -e "$packages/$package" ]; then
        rm -f "$vm/$package"_*.deb
        (cd "$vm" && apt-get download -q -o APT::Sandbox::User=root "$package" > /dev/null)
        dpkg-deb -x "$vm/$package"_*.deb "$packages/$package"
        rm -f "$vm/$package"_*.deb
    fi
done
version=${kernel#linux-image-}
modules=$packages/$kernel/lib/modules/$version
busybox=$packages/busybox-static/bin/busybox
[ -e "$modules/modules.dep" ] || "$busybox" depmod -b "$packages/$kernel" "$version"

rm -rf "$root"
mkdir -p "$root/bin" "$root/sbin" "$root/etc" "$root/home/user" "$root/lib/modules/$version" "$root/dev" "$root/proc" \
    "$root/sys" "$root/run" "$root/tmp" "$root/var"
cp "$busybox" "$root/bin/busybox"
cp "$scripts/vm/init.sh" "$root/init"
cp "$scripts/vm/checks.sh" "$scripts"/vm/*.yaml "$root/"
cp "$(PATH="$PATH:/usr/sbin:/sbin" command -v nft)" "$root/sbin/nft"
strip -o "$root/bin/podlab" "$podlab"
for library in $(ldd "$root/sbin/nft" "$podlab" | grep -o '/[^ ]*lib[^ ]*\.so[^ ]*' | sort -u); do
    mkdir -p "$root$(dirname "$library")"
    cp "$library" "$root$library"
done

# These, and what they need.
wanted='veth bridge vxlan overlay nf_tables nft_.* nf_conntrack nf_conntrack_netlink nf_nat crc32c.*'
for module in $wanted; do
    grep -E "/$module\.ko[^:]*:" "$modules/modules.dep" || true
done | tr -d : | tr ' ' '\n' | sort -u | while read -r module; do
    mkdir -p "$root/lib/modules/$version/$(dirname "$module")"
    cp "$modules/$module" "$root/lib/modules/$version/$module"
done
cp "$modules/modules.order" "$modules/modules.builtin" "$root/lib/modules/$version/"
"$busybox" depmod -b "$root" "$version"

(cd "$root" && find . | "$busybox" cpio -o -H newc -R 0:0 2> /dev/null) | gzip -1 > "$vm/initramfs"

log=$vm/log
say "booting $kernel; what it says is in target/vm/log"
timeout "${VM_SECONDS:-1800}" qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 2048 -nographic -no-reboot \
    -nic none -kernel "$packages/$kernel/boot/vmlinuz-$version" -initrd "$vm/initramfs" \
    -append "console=ttyS0 panic=-1 quiet" < /dev/null | tee "$log" |
    sed -uEn 's/\r$//; /^(vm|pass|FAIL|  )/p' || true
grep -q '^vm: all passed' "$log" || {
    say "FAILED; the end of what it said:"
    tail -n 40 "$log" >&2
    exit 1
}
