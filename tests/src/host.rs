//! A host to run podlab on, that has its own network, mounts and rules, and must be the same afterwards.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, setns};
use nix::unistd::geteuid;

use crate::live::Place;
use crate::processes::traces;
use crate::{NOBODY, Running, User, until};

/// What a host has before podlab comes: an interface in each of the ranges that a cluster uses by default, rules, and a
/// tracked connection. Its mounts are told to whoever shares them.
const HOST: &str = "set -e
mount --make-rshared /
echo 600 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout
ip link set lo up
ip link add taken0 type bridge mcast_snooping 0
ip link set taken0 addrgenmode none
ip addr add 10.96.0.1/12 dev taken0
ip addr add 10.244.0.1/16 dev taken0
ip link set taken0 up
ip route add 10.97.0.0/24 via 10.96.0.9
nft -f - <<END
table inet filter {
  set used { type ipv4_addr; elements = { 10.96.0.1, 10.244.0.1 } }
  chain input { type filter hook input priority 0; policy accept; ct state established accept; }
}
END
";

/// Settings that change by themselves, and tell nothing of podlab.
const UNSTEADY: [&str; 12] = [
    // Counters.
    "/proc/sys/fs/aio-nr",
    "/proc/sys/fs/dentry-state",
    "/proc/sys/fs/file-nr",
    "/proc/sys/fs/inode-nr",
    "/proc/sys/fs/inode-state",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/kernel/pty/nr",
    // Compared one by one, as connections.
    "/proc/sys/net/netfilter/nf_conntrack_count",
    // Random.
    "/proc/sys/kernel/random/entropy_avail",
    "/proc/sys/kernel/random/uuid",
    "/proc/sys/net/ipv4/tcp_fastopen_key",
    // Follows the load of the machine.
    "/proc/sys/kernel/perf_event_max_sample_rate",
];

/// A host that goes with this. Only root can make one; for others, it is the machine itself.
pub struct Host(Option<Running>);

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A new one, whose network uses 10.96.0.0/12 and 10.244.0.0/16 already.
    pub fn new() -> Self {
        Self::changed("")
    }

    /// A new one after a script. The machine itself, without a script, for who isn't root.
    pub fn changed(script: &str) -> Self {
        if !geteuid().is_root() {
            return Self(None);
        }
        let waiting = Command::new("unshare")
            .args(["--net", "--mount", "sleep", "infinity"])
            .stdin(Stdio::null())
            .spawn();
        let host = Self(Some(Running(waiting.expect("unshare runs"))));
        let own = fs::read_link("/proc/self/ns/net").ok();
        until("the host has its namespaces", || {
            let there = fs::read_link(host.namespace("net")).ok();
            let program = fs::read_link(host.namespace("../exe")).unwrap_or_default();
            there.is_some() && there != own && program.ends_with("sleep")
        });
        let furnished = host
            .enter(User::Root, ["sh", "-c", &format!("{HOST}{script}")])
            .status();
        assert!(furnished.expect("nsenter runs").success());
        host.visit(|| {
            let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let to = server.local_addr().expect("its address");
            client.send_to(b"hello", to).expect("a datagram");
        });
        host
    }

    /// A process that is on it, and not podlab's.
    pub fn pid(&self) -> i32 {
        let running = self.0.as_ref().map(|running| running.0.id());
        running.unwrap_or_else(std::process::id) as i32
    }

    fn namespace(&self, kind: &str) -> String {
        format!("/proc/{}/ns/{kind}", self.pid())
    }

    /// Does something in its network.
    fn visit(&self, work: impl FnOnce() + Send) {
        let netns = File::open(self.namespace("net")).expect("its namespace");
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                setns(&netns, CloneFlags::CLONE_NEWNET).expect("setns");
                work();
            });
            there.join().expect("it is done");
        });
    }

    /// A command on it.
    pub fn enter<S: AsRef<OsStr>>(&self, user: User, argv: impl IntoIterator<Item = S>) -> Command {
        let mut argv = argv.into_iter();
        let program = argv.next().expect("a program");
        let mut command = match &self.0 {
            None => Command::new(program),
            Some(_) => {
                let mut command = Command::new("nsenter");
                for kind in ["net", "mnt"] {
                    let option = if kind == "mnt" { "mount" } else { kind };
                    command.arg(format!("--{option}={}", self.namespace(kind)));
                }
                if user == User::Ordinary {
                    command.args(["-S", &NOBODY.to_string(), "-G", &NOBODY.to_string()]);
                }
                command.arg(program);
                command
            }
        };
        command.args(argv).current_dir("/");
        command
    }

    /// `PREFIX… podlab ARGUMENTS…` on it, with a place of its own.
    pub fn podlab(&self, place: &Place, prefix: &[&str], arguments: &[&str]) -> Command {
        let inner = place.command(arguments);
        let argv = prefix.iter().map(OsStr::new);
        let argv = argv.chain([inner.get_program()]).chain(inner.get_args());
        let mut command = self.enter(place.user(), argv);
        command.env_clear().stdin(Stdio::null());
        let set = inner.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.envs(set);
        command
    }

    /// All of it that podlab could change.
    pub fn seen(&self) -> Seen {
        let text = |argv: &[&str]| {
            let output = self.enter(User::Root, argv).output().expect("it runs");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let file = |name: &str| fs::read_to_string(self.namespace(name)).unwrap_or_default();
        let settings = text(&["grep", "-rs", "", "/proc/sys"]);
        let settings = settings.lines().filter(|line| {
            let name = line.split(':').next().unwrap_or_default();
            !UNSTEADY.contains(&name)
        });
        let mut settings: Vec<_> = settings.map(str::to_owned).collect();
        settings.sort();
        let mut seen = BTreeMap::from([
            ("addresses", text(&["ip", "-j", "addr"])),
            ("routes", text(&["ip", "-j", "route", "show", "table", "all"])),
            ("rules", text(&["ip", "-j", "rule"])),
            ("nft", text(&["nft", "-j", "list", "ruleset"])),
            ("mounts", file("../mountinfo")),
            ("connections", connections(&file("../net/nf_conntrack"))),
            ("settings", settings.join("\n")),
        ]);
        if self.0.is_none() {
            // Others change it, too.
            seen.remove("connections");
        }
        Seen(seen, traces())
    }
}

/// What a host was like.
#[derive(PartialEq, Eq)]
pub struct Seen(BTreeMap<&'static str, String>, Vec<String>);

impl Seen {
    /// Fails with the first difference.
    pub fn assert_same(&self, now: &Self) {
        for (what, before) in &self.0 {
            let now = &now.0[what];
            let different = before
                .lines()
                .zip(now.lines())
                .find(|(before, now)| before != now);
            assert!(
                before == now,
                "the host's {what} differ: {different:?}\n{before}\n{now}"
            );
        }
        let new: Vec<_> = now.1.iter().filter(|trace| !self.1.contains(trace)).collect();
        assert_eq!(new, [""; 0], "left behind");
    }
}

/// Without the time that they have left, and without the loopback's TCP: commands ask a cluster's API by it, and the
/// kernel remembers that for a while.
fn connections(text: &str) -> String {
    let line = |line: &str| {
        let words = line.split_whitespace().enumerate();
        let words = words.filter(|(index, _)| *index != 4).map(|(_, word)| word);
        words.collect::<Vec<_>>().join(" ")
    };
    let api = |line: &&str| line.contains(" tcp ") && line.contains(" src=127.0.0.1 dst=127.0.0.1 ");
    text.lines()
        .filter(|line| !api(line))
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}
