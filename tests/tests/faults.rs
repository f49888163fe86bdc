//! What a machine may lack, and when it shows: a clear error with a way out, nothing left, and the host as it was.

#[path = "faults/nft.rs"]
mod nft;

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use nix::unistd::geteuid;
use podlab_tests::host::Host;
use podlab_tests::live::{Place, SMALL, file};
use podlab_tests::processes::processes_of;
use podlab_tests::{NOBODY, User, printed, until};

const RUN: &[&str] = &["run", "-"];
const UP: &[&str] = &["up", "-f", "-"];

/// `PREFIX… podlab ARGUMENTS…` with the smallest cluster on standard input. A cluster that comes up is taken down.
fn attempt(host: &Host, place: &Place, prefix: &[&str], arguments: &[&str]) -> Output {
    let mut command = host.podlab(place, prefix, arguments);
    let output = command.stdin(file(SMALL)).output().expect("it runs");
    let what = printed(&output);
    assert!(!what.contains("panicked"), "{what}");
    if arguments[0] == "up" && output.status.success() {
        let down = host.podlab(place, &[], &["down"]).output().expect("podlab runs");
        assert!(down.status.success(), "{}", printed(&down));
    }
    until(&what, || processes_of(place.path()).is_empty());
    assert!(entries(place.path()).is_empty(), "{what}");
    output
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Fails unless it could not, and said why in these words.
fn assert_cannot(output: &Output, words: &[&str]) {
    assert_eq!(output.status.code(), Some(3), "{}", printed(output));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("error: "), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} isn't in: {text}");
    }
}

/// Has each user build on a host that must stay as it is.
fn everywhere(host: &Host, commands: &[&[&str]], mut trial: impl FnMut(&Place, &[&str])) {
    let before = host.seen();
    for user in User::all() {
        let place = Place::new(*user);
        for arguments in commands {
            trial(&place, arguments);
        }
    }
    before.assert_same(&host.seen());
}

/// Tries `prlimit LIMIT=N:N` with more and more, until it is enough. Too little is told in these words.
fn try_until_enough(host: &Host, place: &Place, arguments: &[&str], limit: &str, word: &str) {
    let numbers = (3..16)
        .chain((16..256).step_by(12))
        .chain((9..16).map(|power| 1 << power));
    for number in numbers {
        let limit = format!("{limit}={number}:{number}");
        let output = attempt(host, place, &["prlimit", &limit], arguments);
        match output.status.code() {
            Some(0) => return,
            // The loader needs some to load the program, and so does who runs it.
            Some(1 | 127) if number < 8 => {}
            _ => assert_cannot(&output, &[word, "ulimit"]),
        }
    }
    panic!("it is never enough");
}

#[test]
fn too_few_open_files_are_told_however_few() {
    let host = Host::new();
    everywhere(&host, &[RUN, UP], |place, arguments| {
        try_until_enough(&host, place, arguments, "--nofile", "open files");
    });
}

#[test]
fn open_files_that_are_taken_already_do_not_count() {
    let host = Host::new();
    let taken = [
        "prlimit",
        "--nofile=155:155",
        "sh",
        "-c",
        "exec 4<&0 5<&0 6<&0 7<&0 8<&0 9<&0 \"$@\"",
        "sh",
    ];
    everywhere(&host, &[RUN], |place, arguments| {
        assert_cannot(
            &attempt(&host, place, &taken, arguments),
            &["open files", "ulimit -n"],
        );
    });
}

#[test]
fn too_few_processes_are_told_however_few() {
    let host = Host::new();
    let before = host.seen();
    // Root has no limit.
    let place = Place::new(User::Ordinary);
    for arguments in [RUN, UP] {
        try_until_enough(&host, &place, arguments, "--nproc", "processes");
    }
    before.assert_same(&host.seen());
}

/// Root of a user namespace isn't counted before, and refused in the middle.
#[test]
fn too_few_processes_are_told_also_when_it_shows_in_the_middle() {
    let host = Host::new();
    let before = host.seen();
    let place = Place::new(User::Ordinary);
    let mut enough = 0;
    for arguments in [RUN, UP] {
        for number in [3, 4, 5, 6, 7, 48] {
            let limit = format!("--nproc={number}:{number}");
            let prefix = ["unshare", "--user", "--map-root-user", "prlimit", &limit];
            let output = attempt(&host, &place, &prefix, arguments);
            match output.status.code() {
                Some(0) => enough += 1,
                // The report says why a pod isn't ready.
                Some(1) => assert!(printed(&output).contains("Resource temporarily unavailable")),
                _ => assert_cannot(&output, &["Resource temporarily unavailable"]),
            }
        }
    }
    assert_eq!(enough, 2);
    before.assert_same(&host.seen());
}

/// Needs a control group, which not everybody may make.
#[test]
fn a_small_control_group_is_told() {
    let places = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(Path::new);
    let made = places.iter().find_map(|place| {
        let group = place.join(format!("podlab-test-{}", std::process::id()));
        fs::create_dir(&group).ok()?;
        match fs::write(group.join("pids.max"), "30") {
            Ok(()) => Some(group),
            Err(_) => {
                let _ = fs::remove_dir(&group);
                None
            }
        }
    });
    let Some(group) = made else { return };
    let host = Host::new();
    let place = Place::new(User::all()[0]);
    let join = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", group.display());
    let output = attempt(&host, &place, &["sh", "-c", &join, "sh"], RUN);
    until("the group is empty", || fs::remove_dir(&group).is_ok());
    assert_cannot(&output, &["processes", "pids.max"]);
}

#[test]
fn a_kernel_that_gives_no_namespaces_is_told() {
    let host = Host::new();
    // In a user namespace that has limits of its own.
    let attempt = |place: &Place, arguments: &[&str], limit: &str, then: &str| {
        let script = format!("echo {limit} && exec {then} \"$@\"");
        let prefix = ["unshare", "--user", "--map-root-user", "sh", "-c", &script, "sh"];
        attempt(&host, place, &prefix, arguments)
    };
    everywhere(&host, &[RUN, UP], |place, arguments| {
        let (none, powerless) = (
            "0 > /proc/sys/user/max_user_namespaces",
            "setpriv --bounding-set=-all --inh-caps=-all",
        );
        assert_cannot(
            &attempt(place, arguments, none, powerless),
            &[
                "unshare user namespace",
                "sudo sysctl -w user.max_user_namespaces=10000",
            ],
        );
        let enough = (0..10).find(|number| {
            let limit = format!("{number} > /proc/sys/user/max_net_namespaces");
            let output = attempt(place, arguments, &limit, "");
            if !output.status.success() {
                let way_out = "sudo sysctl -w user.max_net_namespaces=";
                assert_cannot(&output, &["network namespaces", way_out]);
            }
            output.status.success()
        });
        assert!(enough.is_some_and(|number| number > 0), "{enough:?}");
    });
}

/// A small file system at a place.
fn mount_small(host: &Host, place: &Path, user: User, options: &str) {
    let id = if user == User::Ordinary { NOBODY } else { 0 };
    let options = format!("uid={id},gid={id},mode=755,{options}");
    let mounted = host
        .enter(User::Root, ["mount", "-t", "tmpfs", "-o", &options, "small"])
        .arg(place)
        .status();
    assert!(mounted.expect("mount runs").success());
}

#[test]
fn a_full_disk_is_told_whenever_it_is_full() {
    if !geteuid().is_root() {
        return;
    }
    let host = Host::new();
    for user in User::all() {
        let mut told = 0;
        // A directory is an inode, and so is a file; what is written to a file takes pages.
        for room in [
            "nr_inodes=1",
            "nr_inodes=2",
            "nr_inodes=3",
            "nr_inodes=4",
            "nr_inodes=5",
            "size=4k",
            "size=8k",
        ] {
            let place = Place::new(*user);
            mount_small(&host, place.path(), *user, room);
            let before = host.seen();
            let output = attempt(&host, &place, &[], UP);
            if !output.status.success() {
                assert_cannot(
                    &output,
                    &["No space left on device", &place.path().to_string_lossy()],
                );
                told += 1;
            }
            before.assert_same(&host.seen());
        }
        assert!(told >= 5, "a full disk was met {told} times only");
    }
}

#[test]
fn a_report_that_can_not_be_written_whole_is_not_there() {
    if !geteuid().is_root() {
        return;
    }
    let host = Host::new();
    for user in User::all() {
        let (place, reports) = (Place::new(*user), Place::new(*user));
        mount_small(&host, reports.path(), *user, "size=4k");
        let directory = reports.path().to_string_lossy();
        let output = attempt(&host, &place, &[], &["run", "--report-dir", &directory, "-"]);
        assert_cannot(
            &output,
            &["cannot write the report", &directory, "No space left on device"],
        );
        let left = host
            .enter(User::Root, ["ls", &directory])
            .output()
            .expect("ls runs");
        assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    }
}

#[test]
fn of_two_clusters_of_one_name_one_comes_up_and_the_other_says_so() {
    let host = Host::new();
    let before = host.seen();
    for user in User::all() {
        let place = Place::new(*user);
        let begin = || {
            let mut command = host.podlab(&place, &[], UP);
            command
                .stdin(file(SMALL))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().expect("podlab runs")
        };
        let both = [begin(), begin()].map(|up| up.wait_with_output().expect("podlab ends"));
        let mut codes = both.each_ref().map(|output| output.status.code());
        codes.sort_unstable();
        assert_eq!(
            codes,
            [Some(0), Some(1)],
            "{}{}",
            printed(&both[0]),
            printed(&both[1])
        );
        let refused = both.iter().find(|output| !output.status.success()).expect("one");
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(
            text.contains("error: clusters \"default\" already exists"),
            "{text}"
        );
        assert_eq!(place.supervisors().len(), 1);
        let down = host.podlab(&place, &[], &["down"]).output().expect("podlab runs");
        assert!(down.status.success(), "{}", printed(&down));
        assert!(entries(place.path()).is_empty());
    }
    before.assert_same(&host.seen());
}

#[test]
fn an_answer_that_can_not_be_written_is_told_and_who_can_not_be_told_is_not() {
    let full = || {
        Stdio::from(
            fs::File::options()
                .write(true)
                .open("/dev/full")
                .expect("a full device"),
        )
    };
    let place = Place::new(User::all()[0]);
    for arguments in [
        &["schema"][..],
        &["validate", "-"],
        RUN,
        UP,
        &["list"],
        &["list", "-o", "json"],
        &["kubeconfig"],
        &["down"],
    ] {
        let mut command = place.command(arguments);
        let output = command
            .stdin(file(SMALL))
            .stdout(full())
            .output()
            .expect("podlab runs");
        assert_cannot(&output, &["cannot write", "No space left on device"]);
    }
    let command = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        let status = command
            .stdin(file(SMALL))
            .stdout(Stdio::null())
            .stderr(full())
            .status();
        status.expect("podlab runs").code()
    };
    assert_eq!(command(&["list"]), Some(0));
    assert_eq!(command(&["down"]), Some(1));
    assert_eq!(command(&["run", "absent.yaml"]), Some(2));
}
