# What is checked in the virtual machine. Each check is a command that succeeds.

failed=0
GROUPS_ROOT=/sys/fs/cgroup

check() {
    name=$1
    shift
    if "$@" > /tmp/said 2>&1; then
        echo "pass  $name"
    else
        failed=1
        echo "FAIL  $name"
        sed 's/^/      /' /tmp/said
    fi
}

# Tries a command for a minute, or several under emulation.
soon() {
    for _ in $(seq 120); do
        "$@" > /dev/null 2>&1 && return 0
        sleep 1
    done
    "$@"
}

not() { ! "$@"; }

# as WHO COMMAND…
as() {
    who=$1
    shift
    if [ "$who" = root ]; then "$@"; else su user -c "HOME=/home/user XDG_RUNTIME_DIR=/run/user/1000 $*"; fi
}

says() {
    expected=$1
    shift
    "$@" > /tmp/text 2>&1
    grep -q "$expected" /tmp/text || { cat /tmp/text; return 1; }
}

says_not() {
    unwanted=$1
    shift
    "$@" > /tmp/text 2>&1
    ! grep "$unwanted" /tmp/text
}

groups() { find "$GROUPS_ROOT" -type d -name 'podlab.*'; }
no_groups() { [ -z "$(groups)" ] || { find "$GROUPS_ROOT" -path '*podlab.*' -type d; return 1; }; }
no_processes() { ! ps | grep '[p]odlab '; }

# is_killed WHO POD: for want of memory, and was started again.
is_killed() {
    as "$1" podlab get pod "$2" -o json > /tmp/pod
    grep -q '"reason": "OOMKilled"' /tmp/pod && grep -q '"exitCode": 137' /tmp/pod &&
        grep -q '"restartCount": [1-9]' /tmp/pod || { cat /tmp/pod; return 1; }
}

is_in_group() { as "$1" podlab exec calm -- cat /proc/self/cgroup | grep '^0::.*/podlab\.[0-9]*\.[0-9a-f]*/[0-9a-f]*$'; }

sees_no_groups() { [ -z "$(as "$1" podlab exec calm -- ls /sys/fs/cgroup)" ]; }

# What share of a core the busy pod takes, in percent, over ten seconds; by its process's own account.
share_of_busy() {
    busy=$(for process in /proc/[0-9]*; do
        tr '\0' ' ' < "$process/cmdline" 2> /dev/null | grep -q '^sh -c while :' && basename "$process"
    done | head -n 1)
    ticks() { cut -d ' ' -f 14,15 "/proc/$busy/stat" | tr ' ' +; }
    before=$(($(ticks)))
    sleep 10
    echo $((($(ticks) - before) / 10))
}

is_a_fifth() {
    share=$(share_of_busy)
    echo "it took $share % of a core"
    [ "$share" -ge 12 ] && [ "$share" -le 26 ]
}

# limits_are_kept WHO: in a cluster of theirs.
limits_are_kept() {
    check "$1: validate warns of nothing" says_not warning as "$1" podlab validate /limits.yaml
    check "$1: a cluster comes up" as "$1" podlab up -f /limits.yaml
    check "$1: too much memory is OOMKilled, 137, and started again" soon is_killed "$1" hungry
    check "$1: a fifth of a core is a fifth" is_a_fifth
    check "$1: a command is in its container's group" is_in_group "$1"
    # Their probes go on all the time, and so do their births.
    sleep 20
    check "$1: the cluster survives" says 'hungry' as "$1" podlab get pods
    check "$1: the other pods weren't restarted" says '^calm *1/1 *Running *0 ' as "$1" podlab get pods
    check "$1: a container sees no groups" sees_no_groups "$1"
    as "$1" podlab apply -f /tiny.yaml > /dev/null 2>&1
    check "$1: who is out of memory before its program begins is OOMKilled" soon is_killed "$1" tiny
    check "$1: and doesn't take the cluster with it" says '^calm *1/1 *Running *0 ' as "$1" podlab get pods
    check "$1: it goes down" as "$1" podlab down
    check "$1: no group is left" no_groups
    check "$1: no process is left" no_processes
}

echo
echo "vm: $(uname -r), $(nproc) cores"

echo "vm: a kernel without nf_tables"
check "no nf_tables: podlab says so" says 'nf_tables' podlab run /limits.yaml
sed 's/^/      /' /tmp/text
check "no nf_tables: no group is left" no_groups
check "no nf_tables: no process is left" no_processes
printf '#!/bin/sh\nexec /bin/busybox modprobe "$@"\n' > /sbin/modprobe
chmod +x /sbin/modprobe

echo "vm: root"
before=$(cat $GROUPS_ROOT/cgroup.subtree_control)
limits_are_kept root
check "root: controllers are as they were" [ "$(cat $GROUPS_ROOT/cgroup.subtree_control)" = "$before" ]

echo "vm: root, killed"
podlab up -f /limits.yaml > /dev/null 2>&1
kill -9 $(podlab list -o json 2> /dev/null | grep -o '"pid": *[0-9]*' | grep -o '[0-9]*$')
check "killed: its processes are gone" soon no_processes
check "killed: its groups are left, and empty" not grep -h 'populated 1' $(groups | sed 's|$|/cgroup.events|')
left=$(groups)
podlab up -f /limits.yaml > /dev/null 2>&1
check "killed: the next one removes them" not [ -e "$left" ]
podlab down > /dev/null
check "killed: no group is left" no_groups
for controller in cpu memory; do echo "-$controller" > $GROUPS_ROOT/cgroup.subtree_control; done

echo "vm: an ordinary user to whom nothing is delegated"
check "user: validate warns" says "can't enforce limits of cpu.*systemd-run" as user podlab validate /limits.yaml
check "user: a cluster comes up, and warns" says "can't enforce limits of" as user podlab up -f /limits.yaml
check "user: apply warns" says "can't enforce limits of" as user podlab apply -f /limits.yaml
check "user: no group is made" no_groups
check "user: its node tells why" says 'unenforced.podlab.dev/memory' as user podlab get node -o yaml
check "user: it goes down" as user podlab down

echo "vm: an ordinary user with a group of their own"
echo '+cpu +memory' > $GROUPS_ROOT/cgroup.subtree_control
mkdir -p $GROUPS_ROOT/user/session
chown user:user $GROUPS_ROOT/user $GROUPS_ROOT/user/cgroup.procs $GROUPS_ROOT/user/cgroup.subtree_control
chown -R user:user $GROUPS_ROOT/user/session
echo $$ > $GROUPS_ROOT/user/session/cgroup.procs
limits_are_kept user
check "delegated: controllers are as they were" [ -z "$(cat $GROUPS_ROOT/user/cgroup.subtree_control)" ]

if [ $failed = 0 ]; then echo "vm: all passed"; else echo "vm: something failed"; fi
