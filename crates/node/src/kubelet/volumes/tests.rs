use std::os::unix::fs::symlink;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use podlab_api::steps::NamespacedName;
use serde_json::{Value, json};

use super::*;
use crate::variables::Values;

fn stored() -> Store {
    let store = Store::new(Arc::new(|| Time(jiff::Timestamp::UNIX_EPOCH)));
    let metadata = |name: &str| json!({"namespace": "shop", "name": name});
    let settings = json!({
        "metadata": metadata("settings"),
        "data": {"color": "blue", "size": "3"}, "binaryData": {"logo": "/w=="},
    });
    let login = json!({"metadata": metadata("login"), "data": {"password": "aHVudGVyMg=="}});
    store
        .create(serde_json::from_value::<ConfigMap>(settings).unwrap())
        .unwrap();
    store
        .create(serde_json::from_value::<Secret>(login).unwrap())
        .unwrap();
    store
}

fn pod(volume: Value) -> Pod {
    let mut volume = volume;
    volume["name"] = json!("v");
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "web", "labels": {"app": "web"}},
        "spec": {
            "containers": [{"name": "main", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
            "volumes": [volume],
        },
    }))
    .unwrap()
}

/// Volumes in a folder of the test's own.
fn volumes() -> (tempfile::TempDir, Volumes) {
    let folder = tempfile::tempdir().unwrap();
    let volumes = Volumes {
        directory: folder.path().to_owned(),
        made: BTreeMap::new(),
        of_host: BTreeMap::new(),
    };
    (folder, volumes)
}

/// Every file below a directory that has a name of its own, with its mode and what is in it.
fn files(directory: &Path, prefix: &str) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("..") {
            continue;
        }
        if path.is_dir() {
            all.extend(files(&path, &format!("{prefix}{name}/")));
        } else {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            all.push(format!("{prefix}{name} {mode:o} {text}"));
        }
    }
    all.sort();
    all
}

#[test]
fn volumes_have_what_the_manifest_says() {
    let missing = |why: &str| Err(format!("MountVolume.SetUp failed for volume \"v\" : {why}"));
    let lines = |lines: &[&str]| Ok(lines.iter().map(ToString::to_string).collect());
    let cases: [(Value, Result<Vec<String>, String>); 21] = [
        (json!({"emptyDir": {}}), lines(&[])),
        (
            json!({"configMap": {"name": "settings"}}),
            lines(&["color 644 blue", "logo 644 \u{fffd}", "size 644 3"]),
        ),
        (
            json!({"configMap": {"name": "settings", "defaultMode": 256, "items": [
                {"key": "color", "path": "a/b/color"}, {"key": "size", "path": "a/size", "mode": 292},
            ]}}),
            lines(&["a/b/color 400 blue", "a/size 444 3"]),
        ),
        (
            json!({"configMap": {"name": "no"}}),
            missing("configmap \"no\" not found"),
        ),
        (json!({"configMap": {"name": "no", "optional": true}}), lines(&[])),
        (
            json!({"configMap": {"name": "settings", "items": [{"key": "no", "path": "p"}]}}),
            missing("configmap references non-existent config key: no"),
        ),
        (
            json!({"configMap": {"name": "settings", "optional": true, "items": [{"key": "no", "path": "p"}]}}),
            lines(&[]),
        ),
        (
            json!({"secret": {"secretName": "login", "defaultMode": 384}}),
            lines(&["password 600 hunter2"]),
        ),
        (
            json!({"secret": {"secretName": "no"}}),
            missing("secret \"no\" not found"),
        ),
        (
            json!({"secret": {"secretName": "settings"}}),
            missing("secret \"settings\" not found"),
        ),
        (
            json!({"secret": {"secretName": "login", "items": [{"key": "no", "path": "p"}]}}),
            missing("references non-existent secret key: no"),
        ),
        (
            json!({"downwardAPI": {"items": [
                {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 256},
            ]}}),
            lines(&["labels 644 app=\"web\"", "name 400 web"]),
        ),
        (
            json!({"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "spec.no"}}]}}),
            missing("field label not supported: spec.no"),
        ),
        (
            json!({"projected": {"defaultMode": 288, "sources": [
                {"configMap": {"name": "settings", "items": [{"key": "color", "path": "all/color"}]}},
                {"secret": {"name": "login"}},
                {"downwardAPI": {"items": [{"path": "all/name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            ]}}),
            lines(&["all/color 440 blue", "all/name 440 web", "password 440 hunter2"]),
        ),
        (
            json!({"projected": {"sources": [{"configMap": {"name": "no"}}]}}),
            missing("configmap \"no\" not found"),
        ),
        (
            json!({"projected": {"sources": [{"configMap": {"name": "no"}}, {"secret": {"name": "no"}}]}}),
            missing("[configmap \"no\" not found, secret \"no\" not found]"),
        ),
        (
            json!({"projected": {"sources": [{"configMap": {"name": "no", "optional": true}}]}}),
            lines(&[]),
        ),
        (
            json!({"configMap": {"name": "settings", "items": [{"key": "color", "path": "../color"}]}}),
            missing("invalid path: \"../color\": must be a relative path without '..'"),
        ),
        (
            json!({"configMap": {"name": "settings", "items": [{"key": "color", "path": "a/../../color"}]}}),
            missing("invalid path: \"a/../../color\": must be a relative path without '..'"),
        ),
        (
            json!({"configMap": {"name": "settings", "items": [{"key": "color", "path": "/etc/passwd"}]}}),
            missing("invalid path: \"/etc/passwd\": must be a relative path without '..'"),
        ),
        (
            json!({"configMap": {"name": "settings", "items": [
                {"key": "color", "path": "a"}, {"key": "size", "path": "a/b"},
            ]}}),
            missing("File exists (os error 17)"),
        ),
    ];
    for (volume, expected) in cases {
        let (folder, mut volumes) = volumes();
        let pod = pod(volume);
        let made = volumes.update(&pod, &stored()).map_err(|error| error.to_string());
        let seen = made.map(|()| files(&folder.path().join("v"), ""));
        assert_eq!(seen, expected, "{:?}", pod.spec);
    }
}

#[test]
fn what_no_container_mounts_is_not_made() {
    let (folder, mut volumes) = volumes();
    let mut pod = pod(json!({"configMap": {"name": "no"}}));
    pod.spec.as_mut().unwrap().containers[0].volume_mounts = None;
    volumes.update(&pod, &stored()).unwrap();
    assert!(!folder.path().join("v").exists());
}

#[test]
fn changes_are_seen_all_at_once() {
    let (folder, mut volumes) = volumes();
    let (store, pod) = (stored(), pod(json!({"configMap": {"name": "settings"}})));
    let change = |data: Value| {
        let name = NamespacedName {
            namespace: "shop".to_owned(),
            name: "settings".to_owned(),
        };
        let changed = store.modify(&name, |map: &mut ConfigMap| {
            map.binary_data = None;
            map.data = serde_json::from_value(data).unwrap();
        });
        changed.unwrap();
    };
    volumes.update(&pod, &store).unwrap();
    let volume = folder.path().join("v");
    let data = || fs::read_link(volume.join("..data")).unwrap();
    let first = data();

    volumes.update(&pod, &store).unwrap();
    assert_eq!(data(), first, "nothing has changed");

    let opened_before = fs::File::open(volume.join("color")).unwrap();
    change(json!({"color": "red", "shape": "round"}));
    volumes.update(&pod, &store).unwrap();
    assert_eq!(files(&volume, ""), ["color 644 red", "shape 644 round"]);
    assert_ne!(data(), first);
    assert!(!volume.join(first).exists(), "the old files are gone");
    assert_eq!(io::read_to_string(opened_before).unwrap(), "blue");

    let second = data();
    store
        .remove::<ConfigMap>(&NamespacedName {
            namespace: "shop".to_owned(),
            name: "settings".to_owned(),
        })
        .unwrap();
    assert!(volumes.update(&pod, &store).is_err());
    assert_eq!(data(), second, "the last ones stay");
    assert_eq!(fs::read_dir(&volume).unwrap().count(), 4);
}

fn mounted_at(volumes: &Volumes, mount: Value) -> Result<(PathBuf, bool), String> {
    let mut mount = mount;
    mount["mountPath"] = json!("/v");
    mount["name"] = json!("v");
    let container = serde_json::from_value(json!({"name": "main", "volumeMounts": [mount]})).unwrap();
    let variables = Variables::from(Values::from([("WHO".to_owned(), "me".to_owned())]));
    let mounts = volumes.mounts(&container, &variables);
    let mut mounts = mounts.map_err(|unfit| format!("{}: {}", unfit.reason, unfit.message))?;
    let mount = mounts.remove(0);
    let source = mount.volume.join(mount.path).canonicalize().unwrap();
    Ok((source, mount.read_only))
}

#[test]
fn a_container_may_have_a_part_of_a_volume() {
    let (folder, mut volumes) = volumes();
    volumes.update(&pod(json!({"emptyDir": {}})), &stored()).unwrap();
    let volume = folder.path().join("v");
    symlink("/etc", volume.join("etc")).unwrap();
    symlink("deep", volume.join("inside")).unwrap();
    let refused =
        "CreateContainerConfigError: failed to prepare subPath for volumeMount \"v\" of container \"main\"";
    let cases = [
        (json!({}), Ok((volume.clone(), false))),
        (json!({"readOnly": true}), Ok((volume.clone(), true))),
        (json!({"subPath": ""}), Ok((volume.clone(), false))),
        (
            json!({"subPath": "deep/down"}),
            Ok((volume.join("deep/down"), false)),
        ),
        (
            json!({"subPathExpr": "of-$(WHO)"}),
            Ok((volume.join("of-me"), false)),
        ),
        (json!({"subPath": "inside"}), Ok((volume.join("deep"), false))),
        (json!({"subPath": "../w"}), Err(refused.to_owned())),
        (json!({"subPath": "etc"}), Err(refused.to_owned())),
        (json!({"subPath": "etc/ssl"}), Err(refused.to_owned())),
    ];
    for (mount, expected) in cases {
        assert_eq!(mounted_at(&volumes, mount.clone()), expected, "{mount}");
    }
    assert!(volume.join("deep/down").is_dir());
}

#[test]
fn what_the_kubelet_fills_is_read_only_and_a_part_of_it_is_the_file_itself() {
    let (folder, mut volumes) = volumes();
    volumes
        .update(&pod(json!({"configMap": {"name": "settings"}})), &stored())
        .unwrap();
    assert!(volumes.are_filled());
    let volume = folder.path().join("v");
    assert_eq!(mounted_at(&volumes, json!({})), Ok((volume.clone(), true)));
    let file = volume
        .join(fs::read_link(volume.join("..data")).unwrap())
        .join("color");
    assert_eq!(
        mounted_at(&volumes, json!({"subPath": "color"})),
        Ok((file, true))
    );
}

#[test]
fn a_volume_of_another_kind_is_told() {
    for volume in [
        json!({"nfs": {"server": "s", "path": "/"}}),
        json!({"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}),
    ] {
        let (_folder, mut volumes) = volumes();
        volumes.update(&pod(volume), &stored()).unwrap();
        let told = "CreateContainerError: volume \"v\": podlab has emptyDir, hostPath, configMap, secret, \
                    downwardAPI and projected volumes only";
        assert_eq!(mounted_at(&volumes, json!({})), Err(told.to_owned()));
    }
}
