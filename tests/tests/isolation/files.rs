//! The host's files, devices and mounts.

use std::fs;

use crate::lab::{Lab, is_root};

podlab_tests::tests![
    &Lab;
    only_programs_of_the_host_are_seen,
    the_host_cant_be_written_to,
    devices_are_harmless,
    the_kernels_files_are_masked,
    mounts_cant_be_changed,
    there_is_no_way_out_of_the_root,
    links_in_volumes_lead_nowhere_else,
    sockets_of_the_host_are_out_of_reach,
];

fn only_programs_of_the_host_are_seen(lab: &Lab) {
    let known = [
        "bin", "dev", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "opt", "proc", "run", "sbin",
        "snap", "sys", "tmp", "usr", "var",
    ];
    let seen = lab.printed("attacker", "ls -A /");
    let unknown: Vec<_> = seen.lines().filter(|name| !known.contains(name)).collect();
    assert_eq!(unknown, [""; 0]);
    for directory in ["/run", "/tmp", "/var/tmp"] {
        let hidden = lab.printed("empty", &format!("ls -A {directory}"));
        assert_eq!(hidden, "", "{directory}");
    }
    let home = lab.home.path().display();
    let secret = lab.run("attacker", &format!("ls -A {home}; cat {home}/work/secret"));
    assert!(!secret.succeeded && !secret.said.contains("work\n"), "{secret:?}");
}

fn the_host_cant_be_written_to(lab: &Lab) {
    for directory in ["/usr", "/usr/bin", "/usr/lib"] {
        lab.refused(
            "attacker",
            &format!("touch {directory}/podlab-test"),
            "Read-only file system",
        );
    }
    lab.refused("attacker", "chmod u+r /usr/bin/env", "Read-only file system");
    let mark = format!("/var/lib/{}.made", lab.home.path().file_name().unwrap().display());
    lab.printed("attacker", &format!("echo mine > {mark}; echo mine > /etc/made"));
    assert!(!fs::exists(&mark).unwrap() && !fs::exists("/etc/made").unwrap());
    lab.refused("victim", &format!("cat {mark} || cat /etc/made"), "No such file");
}

fn devices_are_harmless(lab: &Lab) {
    let devices = "core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero";
    let seen = lab.printed("attacker", "ls -A /dev");
    let unknown: Vec<_> = seen
        .lines()
        .filter(|name| !devices.split(' ').any(|known| known == *name))
        .collect();
    assert_eq!(unknown, [""; 0]);
    assert_eq!(
        lab.printed("attacker", "ls -A /dev/pts /dev/shm"),
        "/dev/pts:\nptmx\n\n/dev/shm:"
    );
    lab.printed(
        "attacker",
        "head -c 9 /dev/zero > /dev/null && head -c 9 /dev/urandom > /dev/shm/made",
    );
    for pod in ["attacker", "privileged"] {
        for null in ["/dev/null", "/proc/1/fd/0"] {
            lab.refused(pod, &format!("chmod a+rw {null}"), "Read-only file system");
        }
        for directory in ["/tmp", "/dev", "/dev/shm", "/etc", "/var/tmp"] {
            let device = format!("{directory}/device-{pod}");
            // An ordinary user can't make it in the first place.
            lab.refused(
                pod,
                &format!("mknod {device} c 1 8 && head -c 1 {device}"),
                "ermi",
            );
        }
    }
    let interfaces = lab.printed("attacker", "ls /sys/class/net");
    assert_eq!(interfaces.lines().collect::<Vec<_>>(), ["eth0", "lo"]);
}

fn the_kernels_files_are_masked(lab: &Lab) {
    for pod in ["attacker", "privileged"] {
        for file in ["kcore", "keys", "timer_list", "sched_debug"] {
            let path = format!("/proc/{file}");
            assert_eq!(
                lab.printed(pod, &format!("! [ -e {path} ] || head -c 9 {path}")),
                ""
            );
        }
        for directory in ["/proc/acpi", "/proc/scsi", "/sys/firmware"] {
            assert_eq!(
                lab.printed(pod, &format!("! [ -e {directory} ] || ls -A {directory}")),
                ""
            );
        }
        let settings = [
            "/proc/sys/net/ipv4/ip_forward",
            "/proc/sys/kernel/hostname",
            "/proc/sysrq-trigger",
        ];
        for file in settings.into_iter().filter(|file| fs::exists(file).unwrap()) {
            lab.refused(pod, &format!("echo 1 > {file}"), "ead-only file system");
        }
        lab.refused(
            pod,
            "echo 1 > /sys/class/net/lo/tx_queue_len",
            "ead-only file system",
        );
    }
}

fn mounts_cant_be_changed(lab: &Lab) {
    let attempts = [
        "mount -t tmpfs tmpfs /tmp",
        "mount -o remount,bind,rw /usr",
        "umount /proc/sys",
        "umount /proc/kcore",
        "umount /dev/null",
        "unshare --mount true",
    ];
    for pod in ["attacker", "privileged"] {
        for attempt in attempts {
            lab.refused(pod, attempt, "");
        }
    }
    // In a user namespace of its own it may mount, but what it was given stays as it is.
    let inside = "unshare --map-root-user --mount sh -c";
    lab.printed("attacker", &format!("{inside} 'mount -t tmpfs tmpfs /tmp'"));
    for attempt in &attempts[1..5] {
        lab.refused("attacker", &format!("{inside} '{attempt}'"), "");
    }
    lab.refused("attacker", &format!("{inside} 'mount -t proc proc /tmp'"), "");
    for line in lab.printed("attacker", "cat /proc/self/mountinfo").lines() {
        let words: Vec<_> = line.split(' ').collect();
        let (place, options) = (words[4], words[5]);
        let options: Vec<_> = options.split(',').collect();
        let is_device = place.starts_with("/dev/") && place != "/dev/shm" || place.starts_with("/proc/");
        assert!(options.contains(&"nosuid"), "{line}");
        assert!(options.contains(&"nodev") || is_device, "{line}");
    }
}

fn there_is_no_way_out_of_the_root(lab: &Lab) {
    let escape = r#"perl -e 'mkdir "/tmp/jail"; opendir($root, "/"); chroot "/tmp/jail" or die $!; chdir $root or die $!;
        chdir ".." for 1..99; chroot "." or die $!; exec "/bin/ls", "-A", "/run", "/tmp"'"#;
    assert_eq!(lab.printed("links", escape), "/run:\nother\n\n/tmp:\njail");
    assert_eq!(lab.printed("links", "ls -A /proc/1/root/run"), "other");
}

/// As the pod has both volumes, it isn't stopped by the link that it has made.
fn links_in_volumes_lead_nowhere_else(lab: &Lab) {
    let work = lab.home.path().join("work");
    let files = |directory| {
        let files = fs::read_dir(directory).unwrap();
        files.map(|file| file.unwrap().file_name()).collect::<Vec<_>>()
    };
    lab.printed("links", "touch /data/made/other/file && ls /var/run/other/file");
    let manifest = include_str!("links.yaml").replace("HOME", &lab.home.path().display().to_string());
    let applied = lab.apply(&manifest);
    assert!(applied.succeeded, "{applied:?}");
    podlab_tests::until("the second container was tried", || {
        !lab.pod("evil")["status"]["containerStatuses"][0]["lastState"]["terminated"].is_null()
            || !lab.pod("evil")["status"]["containerStatuses"][0]["state"]["running"].is_null()
    });
    assert!(!files(&work).contains(&"other".into()));
}

fn sockets_of_the_host_are_out_of_reach(lab: &Lab) {
    let connect = |address: &str| {
        format!("perl -MSocket -e 'socket($s, PF_UNIX, SOCK_STREAM, 0); connect($s, {address}) or die $!'")
    };
    let at = |path: &str| connect(&format!("sockaddr_un(\"{path}\")"));
    for socket in &lab.sockets {
        if is_root() {
            lab.printed("attacker", &format!("test -S {socket}"));
            lab.refused("attacker", &at(socket), "Connection refused");
        } else {
            lab.refused("attacker", &at(socket), "No such file");
        }
    }
    lab.refused(
        "attacker",
        &at(&format!("\\0{}", lab.abstract_name)),
        "Connection refused",
    );
    lab.refused("attacker", &at("/run/docker.sock"), "No such file");
}
