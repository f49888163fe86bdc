#!/bin/busybox sh
# The virtual machine's first process: sets up a machine with cgroup v2, and has it checked. It is called twice, because
# nobody can leave the file system that the kernel starts with.

export PATH=/bin:/sbin

if [ "$1" != here ]; then
    busybox mount -t tmpfs -o mode=755 machine /tmp
    for each in bin sbin etc home lib lib64 usr dev proc sys run var init checks.sh *.yaml; do
        [ ! -e "/$each" ] || busybox cp -a "/$each" /tmp/
    done
    busybox mkdir -m 1777 /tmp/tmp
    exec busybox switch_root /tmp /init here
fi

busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
busybox mount -t tmpfs -o mode=755 run /run
busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
busybox --install -s /bin
exec < /dev/null > /dev/console 2>&1

printf 'root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' > /etc/passwd
printf 'root:x:0:\nuser:x:1000:\n' > /etc/group
echo machine > /etc/hostname
chown user:user /home/user
mkdir -m 700 -p /run/user/1000
chown user:user /run/user/1000
ip link set lo up
# The kernel finds no modprobe, and so no module that it is asked for, until the checks make one.
for module in veth bridge vxlan; do modprobe "$module"; done

sh /checks.sh
poweroff -f
