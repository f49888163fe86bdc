//! An nft that isn't there, or fails, at once or later.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use nix::unistd::geteuid;
use podlab_tests::host::Host;
use podlab_tests::live::{Place, SMALL, file};
use podlab_tests::processes::{processes_of, sandbox_of};
use podlab_tests::{User, err, printed, until};
use tempfile::TempDir;

use super::{RUN, UP, assert_cannot, attempt, entries, everywhere};

#[test]
fn a_machine_without_nft_is_told() {
    if !geteuid().is_root() {
        return;
    }
    let host = Host::changed(
        "for nft in $(PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin which -a nft); do mount --bind /dev/null $nft; done",
    );
    everywhere(&host, &[RUN, UP], |place, arguments| {
        assert_cannot(
            &attempt(&host, place, &[], arguments),
            &["nft isn't installed", "apt-get install nftables"],
        );
    });
}

/// An nft that works as often as it is told to, and then fails.
struct FailingNft(TempDir);

impl FailingNft {
    fn new() -> Self {
        let programs = tempfile::tempdir().expect("a directory");
        let script = format!(
            "#!/bin/sh\ncd {}\necho >> count\n[ $(wc -l < count) -le $(cat works) ] || {{ echo 'Error: on purpose' >&2; exit 1; }}\n\
             PATH=/usr/sbin:/sbin:/usr/local/sbin:$REST exec nft \"$@\"\n",
            programs.path().display()
        );
        let nft = programs.path().join("nft");
        fs::write(&nft, script).expect("a program");
        for path in [programs.path(), &nft] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("chmod");
        }
        Self(programs)
    }

    /// From now on it works so many times.
    fn works(&self, times: u32) {
        let _ = fs::remove_file(self.0.path().join("count"));
        fs::write(self.0.path().join("works"), times.to_string()).expect("a number");
    }

    /// What starts podlab with it.
    fn prefix(&self, user: User) -> [String; 3] {
        let (rest, own) = (user.path(), self.0.path().display());
        [
            "env".to_owned(),
            format!("PATH={own}:{rest}"),
            format!("REST={rest}"),
        ]
    }
}

#[test]
fn nft_that_fails_is_told_whenever_it_does() {
    let host = Host::new();
    everywhere(&host, &[RUN, UP], |place, arguments| {
        let nft = FailingNft::new();
        let prefix = nft.prefix(place.user());
        let mut enough = false;
        for works in 0..10 {
            nft.works(works);
            let output = attempt(&host, place, &prefix.each_ref().map(String::as_str), arguments);
            if output.status.success() {
                enough = true;
                break;
            }
            assert_cannot(&output, &["Error: on purpose"]);
        }
        assert!(enough);
    });
}

/// Takes the proxy's table from the nodes that a process holds, whoever's they are.
fn remove_the_proxys_table(holder: i32) {
    let held = fs::read_dir(format!("/proc/{holder}/fd")).expect("what it holds");
    let networks: Vec<_> = held
        .flatten()
        .map(|descriptor| descriptor.path())
        .filter(|path| fs::read_link(path).is_ok_and(|link| link.to_string_lossy().starts_with("net:")))
        .collect();
    let removed = networks.iter().filter(|network| {
        let mut nsenter = Command::new("nsenter");
        if !geteuid().is_root() {
            nsenter.args(["-t", &holder.to_string(), "-U", "--preserve-credentials"]);
        }
        nsenter.arg(format!("--net={}", network.display()));
        nsenter.args(["nft", "delete", "table", "ip", "podlab-proxy"]);
        nsenter.env("PATH", User::Root.path());
        nsenter.output().expect("nsenter runs").status.success()
    });
    assert_eq!(removed.count(), 1, "nodes of {networks:?}");
}

#[test]
fn a_live_cluster_whose_services_the_kernel_refuses_for_good_ends_and_says_why() {
    let host = Host::new();
    for user in User::all() {
        let (place, nft) = (Place::new(*user), FailingNft::new());
        nft.works(1000);
        let podlab = |arguments: &[&str]| {
            let prefix = nft.prefix(*user);
            let mut command = host.podlab(&place, &prefix.each_ref().map(String::as_str), arguments);
            command.stdin(file(SMALL)).output().expect("it runs")
        };
        let up = podlab(UP);
        assert!(up.status.success(), "{}", printed(&up));
        let sandbox = sandbox_of(place.supervisor("default").as_raw());
        remove_the_proxys_table(sandbox);
        nft.works(0);

        // A change, for the proxy to find out with.
        let _ = podlab(&["scale", "deployment/web", "--replicas=1"]);
        until("the cluster has ended", || processes_of(place.path()).is_empty());
        let said = err(&podlab(&["list"]));
        assert!(said.contains("ended because the proxy of node "), "{said}");
        assert!(said.contains("Error: on purpose"), "{said}");
        assert!(entries(place.path()).is_empty());
    }
}
