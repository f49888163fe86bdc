//! ConfigMaps and Secrets in containers: they are waited for, and their changes are seen.

use podlab_api::object::Kind;
use serde_json::{Value, json};

use crate::lab::{Lab, is_ready, pod, script};

podlab_tests::tests![
    &Lab;
    variables_are_waited_for,
    volumes_are_waited_for,
    changes_reach_volumes_and_nothing_else,
    a_file_can_be_mounted_alone,
    who_never_gets_what_it_waits_for_can_be_deleted,
];

fn config_map(name: &str, data: Value) -> Value {
    json!({"metadata": {"name": name}, "data": data})
}

/// A pod that mounts a volume at `/v`.
fn with_volume(name: &str, mount: Value, volume: Value) -> Value {
    let mut with = pod(name, &[script("main", "trap exit TERM; sleep 1000 & wait")]);
    let (mut mount, mut volume) = (mount, volume);
    for named in [&mut mount, &mut volume] {
        named["name"] = json!("v");
    }
    with["spec"]["containers"][0]["volumeMounts"] = json!([mount]);
    with["spec"]["volumes"] = json!([volume]);
    with
}

fn waiting(pod: &Value) -> (&str, &str) {
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    let text = |field: &str| waiting[field].as_str().unwrap_or_default();
    (text("reason"), text("message"))
}

fn variables_are_waited_for(lab: &Lab) {
    let mut shop = pod(
        "shop",
        &[
            script("main", "exec sleep 1000"),
            script("other", "exec sleep 1000"),
        ],
    );
    shop["spec"]["containers"][0]["env"] = json!([
        {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "shop", "key": "color"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "password"}}},
        {"name": "SIZE", "valueFrom": {"configMapKeyRef": {"name": "shop", "key": "size", "optional": true}}},
    ]);
    shop["spec"]["containers"][0]["envFrom"] = json!([{"prefix": "SHOP_", "configMapRef": {"name": "shop"}}]);
    lab.apply(Kind::Pod, shop);
    let waits_for = |message: &str| {
        let expected = ("CreateContainerConfigError", message);
        lab.until("shop", |pod| waiting(pod) == expected)
    };
    waits_for("configmap \"shop\" not found");
    // The other container has nothing to wait for.
    lab.until("shop", |pod| {
        pod["status"]["containerStatuses"][1]["ready"] == true
    });
    lab.apply(Kind::ConfigMap, config_map("shop", json!({"kolor": "blue"})));
    waits_for("couldn't find key color in ConfigMap default/shop");
    lab.apply(Kind::ConfigMap, config_map("shop", json!({"color": "blue"})));
    waits_for("secret \"shop\" not found");
    lab.apply(
        Kind::Secret,
        json!({"metadata": {"name": "shop"}, "data": {"password": "aHVudGVyMg=="}}),
    );
    lab.until("shop", is_ready);
    let seen = lab.printed(
        "shop",
        &["sh", "-c", "echo $COLOR $PASSWORD $SHOP_color ${SIZE-none}"],
    );
    assert_eq!(seen, "blue hunter2 blue none\n");
    let events = lab.events("shop").join("\n");
    for part in [
        "Warning Failed spec.containers{main} Error: configmap \"shop\" not found",
        "Warning Failed spec.containers{main} Error: secret \"shop\" not found",
    ] {
        assert!(events.contains(part), "{events}");
    }
}

fn volumes_are_waited_for(lab: &Lab) {
    let volume = json!({"projected": {"sources": [
        {"configMap": {"name": "late"}}, {"secret": {"name": "late", "items": [{"key": "k", "path": "a/k", "mode": 256}]}},
    ]}});
    lab.apply(Kind::Pod, with_volume("late", json!({"mountPath": "/v"}), volume));
    let both = "Warning FailedMount  MountVolume.SetUp failed for volume \"v\" : [configmap \"late\" not found, secret \"late\" not found]";
    lab.until_event("late", both);
    let pod = lab.until("late", |pod| pod["status"]["podIP"].is_string());
    assert_eq!(waiting(&pod), ("ContainerCreating", ""));
    lab.apply(Kind::ConfigMap, config_map("late", json!({"color": "blue"})));
    lab.until_event(
        "late",
        "MountVolume.SetUp failed for volume \"v\" : secret \"late\" not found",
    );
    lab.apply(
        Kind::Secret,
        json!({"metadata": {"name": "late"}, "data": {"k": "AP8="}}),
    );
    lab.until("late", is_ready);
    let seen = lab.printed(
        "late",
        &[
            "sh",
            "-c",
            "ls -A /v; cat /v/color; od -An -tx1 /v/a/k; stat -Lc %a /v/a/k",
        ],
    );
    let lines: Vec<&str> = seen.lines().filter(|line| !line.starts_with("..20")).collect();
    assert_eq!(lines, ["..data", "a", "color", "blue 00 ff", "400"]);
    let output = lab.run("late", &["touch", "/v/mine"]);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("Read-only file system"),
        "{output:?}"
    );
}

fn changes_reach_volumes_and_nothing_else(lab: &Lab) {
    lab.apply(Kind::ConfigMap, config_map("changes", json!({"color": "blue"})));
    let volume = json!({"projected": {"sources": [
        {"configMap": {"name": "changes"}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]}});
    let mut changes = with_volume("changes", json!({"mountPath": "/v"}), volume);
    let alone = json!({"name": "v", "mountPath": "/alone/color", "subPath": "color"});
    let container = &mut changes["spec"]["containers"][0];
    container["volumeMounts"].as_array_mut().unwrap().push(alone);
    container["env"] =
        json!([{"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "changes", "key": "color"}}}]);
    lab.start(changes.clone());
    let seen = || {
        lab.printed(
            "changes",
            &[
                "sh",
                "-c",
                "cat /v/color; echo; cat /v/labels; echo; cat /alone/color; echo; echo $COLOR",
            ],
        )
    };
    assert_eq!(seen(), "blue\n\nblue\nblue\n");
    lab.apply(Kind::ConfigMap, config_map("changes", json!({"color": "red"})));
    lab.eventually(|| seen() == "red\n\nblue\nblue\n");
    changes["metadata"]["labels"] = json!({"app": "web"});
    lab.apply(Kind::Pod, changes);
    lab.eventually(|| seen() == "red\napp=\"web\"\nblue\nblue\n");
    // What is there stays, but it is told.
    lab.delete(Kind::ConfigMap, "changes");
    lab.until_event(
        "changes",
        "MountVolume.SetUp failed for volume \"v\" : configmap \"changes\" not found",
    );
    assert_eq!(seen(), "red\napp=\"web\"\nblue\nblue\n");
    // A container that is started anew has the new ones everywhere.
    lab.apply(Kind::ConfigMap, config_map("changes", json!({"color": "green"})));
    lab.eventually(|| seen().starts_with("green"));
    lab.end("changes");
    lab.eventually(|| seen() == "green\napp=\"web\"\ngreen\ngreen\n");
}

fn a_file_can_be_mounted_alone(lab: &Lab) {
    lab.apply(Kind::ConfigMap, config_map("alone", json!({"motd": "hello\n"})));
    let volume = json!({"configMap": {"name": "alone"}});
    for (name, path) in [("alone-new", "/etc/new/motd"), ("alone-old", "/etc/passwd")] {
        lab.start(with_volume(
            name,
            json!({"mountPath": path, "subPath": "motd"}),
            volume.clone(),
        ));
        assert_eq!(lab.printed(name, &["cat", path]), "hello\n");
    }
    assert_ne!(std::fs::read_to_string("/etc/passwd").unwrap(), "hello\n");
}

fn who_never_gets_what_it_waits_for_can_be_deleted(lab: &Lab) {
    lab.apply(
        Kind::Pod,
        with_volume(
            "no-volume",
            json!({"mountPath": "/v"}),
            json!({"secret": {"secretName": "never"}}),
        ),
    );
    let mut no_variable = pod("no-variable", &[script("main", "true")]);
    no_variable["spec"]["containers"][0]["envFrom"] = json!([{"secretRef": {"name": "never"}}]);
    lab.apply(Kind::Pod, no_variable);
    lab.until_event("no-volume", "FailedMount");
    lab.until_event("no-variable", "Failed");
    for pod in ["no-volume", "no-variable"] {
        lab.delete(Kind::Pod, pod);
        lab.gone(pod);
    }
}
