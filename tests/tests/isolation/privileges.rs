//! Capabilities, namespaces, processes, descriptors, variables, system calls.

use std::collections::BTreeSet;
use std::fs;

use podlab_tests::User;

use crate::lab::{Lab, SECRET};

podlab_tests::tests![
    &Lab;
    the_capabilities_are_kubernetes_default_and_no_more,
    capabilities_are_what_the_manifest_says,
    the_namespaces_are_its_own,
    no_other_processes_are_seen,
    nothing_is_inherited,
    nothing_is_inherited_from_who_runs_podlab,
    keys_of_the_host_and_its_hypervisor_are_out_of_reach,
    podlabs_own_program_cant_be_written_to,
];

/// What Kubernetes' runtimes give: `CHOWN` to `SETFCAP`, with `NET_RAW`, without `NET_ADMIN` and `SYS_ADMIN`.
const DEFAULT: u64 = 0xa804_25fb;

const SYS_ADMIN: u64 = 1 << 21;
const NET_ADMIN: u64 = 1 << 12;

/// The sets of a process: inheritable, permitted, effective, bounding, ambient.
fn sets(lab: &Lab, pod: &str, process: &str) -> [u64; 5] {
    let status = lab.printed(pod, &format!("cat /proc/{process}/status"));
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|name| {
        let set = field(&status, name);
        u64::from_str_radix(set, 16).unwrap()
    })
}

fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    value.unwrap()
}

fn the_capabilities_are_kubernetes_default_and_no_more(lab: &Lab) {
    for pod in ["attacker", "victim"] {
        for process in ["1", "self"] {
            assert_eq!(
                sets(lab, pod, process),
                [0, DEFAULT, DEFAULT, DEFAULT, 0],
                "{pod} {process}"
            );
            let status = lab.printed(pod, &format!("cat /proc/{process}/status"));
            assert_eq!(field(&status, "NoNewPrivs"), "1");
        }
    }
}

fn capabilities_are_what_the_manifest_says(lab: &Lab) {
    for process in ["1", "self"] {
        assert_eq!(sets(lab, "powerless", process), [0; 5]);
        assert_eq!(sets(lab, "user", process), [0, 0, 0, DEFAULT, 0]);
        let [_, permitted, _, bounding, _] = sets(lab, "privileged", process);
        assert_eq!(permitted, bounding);
        assert_eq!(permitted & (SYS_ADMIN | NET_ADMIN), NET_ADMIN);
    }
    lab.refused("powerless", "chroot / true", "Operation not permitted");
    lab.printed("privileged", "ip link set lo mtu 1400");
}

fn the_namespaces_are_its_own(lab: &Lab) {
    for kind in ["ipc", "mnt", "net", "pid", "uts"] {
        let of = |pod| lab.printed(pod, &format!("readlink /proc/self/ns/{kind}"));
        let of_host = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
        let all = BTreeSet::from([of("attacker"), of("victim"), of_host.display().to_string()]);
        assert_eq!(all.len(), 3, "{kind}");
    }
    assert_eq!(
        lab.printed("attacker", "cat /proc/sys/kernel/hostname"),
        "attacker"
    );
}

fn no_other_processes_are_seen(lab: &Lab) {
    // Of those that end meanwhile nothing is read.
    let namespaces = lab.printed("attacker", "readlink /proc/[0-9]*/ns/pid; true");
    let namespaces: BTreeSet<_> = namespaces.lines().collect();
    let own = lab.printed("attacker", "readlink /proc/self/ns/pid");
    assert_eq!(namespaces, BTreeSet::from([&*own]));
    // All that can be sent a signal, but for process 1 and the sender, which the kernel leaves out.
    lab.run("killer", "kill -KILL -1");
    assert_eq!(lab.printed("victim", "cat /proc/1/comm").lines().count(), 1);
    assert_eq!(
        lab.pod("victim")["status"]["containerStatuses"][0]["restartCount"],
        0
    );
}

fn nothing_is_inherited(lab: &Lab) {
    for pod in ["attacker", "victim"] {
        let environment = lab.printed(pod, "tr '\\0' '\\n' < /proc/1/environ; env");
        assert!(
            !environment.contains(SECRET) && environment.contains("PATH="),
            "{environment}"
        );
        let descriptors = lab.printed(pod, "ls -l /proc/self/fd");
        // The last one is of the directory that is listed.
        assert_eq!(descriptors.lines().skip(1).count(), 4, "{descriptors}");
    }
    // A built-in workload has descriptors of its own as well.
    let descriptors = lab.printed("attacker", "ls /proc/1/fd");
    assert_eq!(
        descriptors.split_whitespace().collect::<Vec<_>>(),
        ["0", "1", "2"]
    );
    let session = lab.printed("attacker", "cut -d ' ' -f 6 /proc/1/stat");
    assert_eq!(session, "1", "its session is its own");
}

/// The tests' binary is a descriptor that every podlab inherits; those of live clusters close it.
fn nothing_is_inherited_from_who_runs_podlab(lab: &Lab) {
    let run = lab.run_manifest(
        r#"{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: main, image: podlab/echo,
        readinessProbe: {exec: {command: [sh, -c, 'test "$(ls /proc/self/fd | wc -w)" = 4']}}}]}}"#,
    );
    assert!(run.succeeded, "{run:?}");
}

fn keys_of_the_host_and_its_hypervisor_are_out_of_reach(lab: &Lab) {
    let keyctl = if cfg!(target_arch = "x86_64") { 250 } else { 219 };
    // The key ring of the user.
    let get = format!("perl -e '$! = 0; syscall({keyctl}, 0, -4, 1) == -1 and die $!'");
    lab.refused("attacker", &get, "Operation not permitted");
    let vsock = "perl -e 'socket($s, 40, 1, 0) or die $!'";
    lab.refused("attacker", vsock, "Address family not supported");
    lab.printed("attacker", "perl -e 'socket($s, 2, 1, 0) or die $!'");
}

fn podlabs_own_program_cant_be_written_to(lab: &Lab) {
    lab.refused("victim", ": >> /proc/1/exe", "create /proc/1/exe");
    // While it runs, the kernel lets nobody write to it; its mount does so for good. An ordinary user's podlab has no
    // path to the tests' binary, but isn't its owner either.
    let said = match lab.user {
        User::Root => "Read-only file system",
        User::Ordinary => "ermi",
    };
    lab.refused("victim", "chmod u+w /proc/1/exe", said);
}
