//! `securityContext` is honoured, or refused with a clear word.

use std::fs;

use podlab_tests::{User, until};

use crate::lab::{Lab, SECRET};

podlab_tests::tests![
    &Lab;
    a_container_runs_as_whom_it_says,
    a_read_only_root_is_one,
    kernel_settings_are_the_pods_own,
    files_of_the_host_are_shown_where_a_volume_says_so,
    a_program_that_isnt_seen_is_told_with_the_way_out,
    who_may_not_be_root_isnt,
    what_leads_out_is_refused,
];

fn a_container_runs_as_whom_it_says(lab: &Lab) {
    assert_eq!(lab.printed("user", "id -u; id -g"), "1234\n2345");
    let groups = lab.printed("user", "grep Groups /proc/1/status");
    if lab.user == User::Root {
        assert_eq!(groups.split_whitespace().collect::<Vec<_>>(), ["Groups:", "2345"]);
        assert_eq!(lab.printed("attacker", "id -G"), "0");
    }
}

fn a_read_only_root_is_one(lab: &Lab) {
    for directory in ["/", "/etc", "/var/tmp", "/run", "/tmp", "/data"] {
        lab.refused("user", &format!("touch {directory}/made"), "ead-only file system");
    }
    for directory in ["/data/own", "/dev/shm"] {
        lab.printed("user", &format!("touch {directory}/made"));
    }
}

fn kernel_settings_are_the_pods_own(lab: &Lab) {
    let setting = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start";
    assert_eq!(lab.printed("user", setting), "7");
    assert_ne!(lab.printed("attacker", setting), "7");
}

fn files_of_the_host_are_shown_where_a_volume_says_so(lab: &Lab) {
    assert_eq!(lab.printed("user", "cat /data/of-host/secret"), SECRET);
    lab.refused("user", "touch /data/of-host/made", "Read-only file system");
}

fn a_program_that_isnt_seen_is_told_with_the_way_out(lab: &Lab) {
    let program = lab.home.path().join("work/program");
    fs::copy("/bin/true", &program).unwrap();
    let program = program.display();
    let applied = lab.apply(&format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: hidden}}, spec: {{restartPolicy: Never, containers: [{{name: main, \
         image: any, command: [{program}]}}]}}}}"
    ));
    assert!(applied.succeeded, "{applied:?}");
    let ended = || lab.pod("hidden")["status"]["containerStatuses"][0]["state"]["terminated"].clone();
    until("it ends", || !ended().is_null());
    let message = ended()["message"].as_str().unwrap().to_owned();
    let start =
        format!("exec: \"{program}\": stat {program}: no such file or directory: this machine has it where");
    assert!(
        message.starts_with(&start) && message.contains("hostPath"),
        "{message}"
    );
}

fn who_may_not_be_root_isnt(lab: &Lab) {
    for (name, user, why) in [
        (
            "root-by-image",
            "{}",
            "container has runAsNonRoot and image will run as root",
        ),
        (
            "root-by-word",
            "{runAsUser: 0}",
            "container's runAsUser breaks non-root policy",
        ),
    ] {
        let applied = lab.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{securityContext: {{runAsNonRoot: true}}, \
             containers: [{{name: main, image: any, command: [sleep, infinity], securityContext: {user}}}]}}}}"
        ));
        assert!(applied.succeeded, "{applied:?}");
        let waiting = || lab.pod(name)["status"]["containerStatuses"][0]["state"]["waiting"].clone();
        until("it waits", || waiting()["reason"] == "CreateContainerConfigError");
        let message = waiting()["message"].as_str().unwrap().to_owned();
        let uid = lab.pod(name)["metadata"]["uid"].as_str().unwrap().to_owned();
        assert_eq!(
            message,
            format!("{why} (pod: \"{name}_default({uid})\", container: main)")
        );
    }
}

fn what_leads_out_is_refused(lab: &Lab) {
    for (context, word) in [
        (
            "{capabilities: {add: [SYS_ADMIN]}}",
            "podlab gives no container SYS_ADMIN",
        ),
        (
            "{capabilities: {add: [NET_ROOT]}}",
            "unknown capability \"NET_ROOT\"",
        ),
        (
            "{seccompProfile: {type: Localhost, localhostProfile: a}}",
            "podlab's nodes have no profiles",
        ),
    ] {
        let applied = lab.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: refused}}, spec: {{containers: [{{name: main, image: any, \
             command: [sleep, infinity], securityContext: {context}}}]}}}}"
        ));
        assert!(!applied.succeeded && applied.said.contains(word), "{applied:?}");
    }
}
