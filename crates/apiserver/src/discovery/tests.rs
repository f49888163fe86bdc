use podlab_api::object::Kind;
use serde_json::Value;

use super::{AGGREGATED, JSON, api, apis, group, resources, version};
use crate::resources::groups;

fn lines(list: &Value) -> String {
    let words = |value: &Value| {
        let words = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        words.collect::<Vec<_>>().join(",")
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = format!("{}\n", text(&list["groupVersion"]));
    for resource in list["resources"].as_array().unwrap() {
        let columns = [
            text(&resource["name"]),
            text(&resource["singularName"]),
            words(&resource["shortNames"]),
            resource["namespaced"].to_string(),
            text(&resource["group"]),
            text(&resource["kind"]),
            words(&resource["verbs"]),
            words(&resource["categories"]),
        ];
        let columns = columns.map(|column| if column.is_empty() { "-".to_owned() } else { column });
        lines += &format!("  {}\n", columns.join(" "));
    }
    lines
}

fn api_versions() -> Vec<String> {
    let named = groups().into_iter().map(|group| format!("{group}/v1"));
    std::iter::once("v1".to_owned()).chain(named).collect()
}

#[test]
fn resources_are_listed() {
    let lists = api_versions()
        .into_iter()
        .map(|version| resources(&version).unwrap());
    insta::assert_snapshot!("resources", lists.map(|list| lines(&list)).collect::<String>());
}

#[test]
fn every_kind_is_listed() {
    for kind in Kind::ALL {
        let list = resources(kind.api_version()).unwrap();
        let resources = list["resources"].as_array().unwrap();
        assert!(
            resources.iter().any(|resource| resource["name"] == kind.plural()),
            "{kind}"
        );
    }
}

#[test]
fn groups_are_listed() {
    insta::assert_snapshot!("groups", format!("{:#}\n{:#}", api(JSON).body, apis(JSON).body));
    insta::assert_snapshot!(
        "apps",
        format!(
            "{:#}\n{:#}",
            group("apps").unwrap(),
            resources("apps/v1").unwrap()
        )
    );
}

#[test]
fn all_is_told_at_once() {
    insta::assert_snapshot!(
        "aggregated-apps",
        format!("{:#}", apis(AGGREGATED).body["items"][0])
    );
    let mut items = vec![api(AGGREGATED).body["items"][0].clone()];
    items.extend(apis(AGGREGATED).body["items"].as_array().unwrap().iter().cloned());
    for (item, version) in items.iter().zip(api_versions()) {
        let at_once = item["versions"][0]["resources"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|resource| {
                let name = resource["resource"].as_str().unwrap();
                let parts = resource["subresources"].as_array().into_iter().flatten();
                let parts = parts
                    .map(move |part| (format!("{name}/{}", part["subresource"].as_str().unwrap()), part));
                std::iter::once((name.to_owned(), resource)).chain(parts)
            });
        let at_once: Vec<_> = at_once
            .map(|(name, resource)| {
                (
                    name,
                    resource["responseKind"]["kind"].clone(),
                    resource["verbs"].clone(),
                )
            })
            .collect();
        let one_by_one = resources(&version).unwrap();
        let one_by_one: Vec<_> = one_by_one["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|resource| {
                let name = resource["name"].as_str().unwrap().to_owned();
                (name, resource["kind"].clone(), resource["verbs"].clone())
            })
            .collect();
        assert_eq!(at_once, one_by_one, "{version}");
    }
}

#[test]
fn clients_get_the_form_that_they_ask_for() {
    let kubectl = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                   application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    let older = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    for (accept, content_type) in [
        (kubectl, AGGREGATED),
        (
            "application/json; as=APIGroupDiscoveryList; v=v2; g=apidiscovery.k8s.io",
            AGGREGATED,
        ),
        (older, JSON),
        ("application/json", JSON),
        (
            "application/json, application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            JSON,
        ),
        ("application/vnd.kubernetes.protobuf,application/json", JSON),
        ("*/*", JSON),
        ("", JSON),
    ] {
        assert_eq!(api(accept).content_type, content_type, "{accept}");
        assert_eq!(apis(accept).content_type, content_type, "{accept}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    for name in ["", "batch", "v1", "apps/v1"] {
        assert_eq!(group(name), None, "{name}");
    }
    for name in ["", "apps", "apps/v2", "batch/v1", "/v1"] {
        assert_eq!(resources(name), None, "{name}");
    }
}

#[test]
fn the_version_is_kubernetes_1_34() {
    let version = version();
    assert_eq!(
        (&version["major"], &version["minor"]),
        (&"1".into(), &"34".into())
    );
    assert!(version["gitVersion"].as_str().unwrap().starts_with("v1.34."));
}
