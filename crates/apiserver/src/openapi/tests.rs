use serde_json::Value;

use super::{DOCUMENTS, at, index};

fn document(path: &str) -> Value {
    serde_json::from_slice(&at(path).unwrap().body).unwrap()
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        let operations = operations.filter(|(method, _)| *method != "parameters");
        operations.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn parameters(operation: &Value) -> Vec<&str> {
    let parameters = operation["parameters"].as_array().unwrap().iter();
    parameters
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect()
}

#[test]
fn the_index_leads_to_the_documents() {
    let index = index();
    let paths = index["paths"].as_object().unwrap();
    insta::assert_snapshot!(paths.keys().cloned().collect::<Vec<_>>().join("\n"), @r"
    api/v1
    apis/apps/v1
    apis/coordination.k8s.io/v1
    apis/discovery.k8s.io/v1
    apis/networking.k8s.io/v1
    ");
    for (path, entry) in paths {
        let hash = &at(path).unwrap().hash;
        assert_eq!(
            entry["serverRelativeURL"],
            format!("/openapi/v3/{path}?hash={hash}")
        );
    }
    assert!(at("apis/batch/v1").is_none());
}

#[test]
fn every_path_has_its_operations() {
    let mut lines = String::new();
    for path in DOCUMENTS.keys() {
        for (path, method, operation) in operations(&document(path)) {
            let kind = &operation["x-kubernetes-group-version-kind"];
            let kind = ["group", "version", "kind"].map(|part| kind[part].as_str().unwrap());
            let action = operation["x-kubernetes-action"].as_str().unwrap();
            lines += &format!(
                "{method} {path}: {action} {}\n",
                kind.join("/").trim_start_matches('/')
            );
        }
    }
    insta::assert_snapshot!("operations", lines);
}

#[test]
fn an_operation_is_described() {
    let apps = document("apis/apps/v1");
    let path = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"];
    insta::assert_snapshot!(
        "patch-deployment",
        format!("{:#}\n{:#}", path["patch"], path["parameters"])
    );
}

/// kubectl and Helm ask this before they rely on the server to refuse unknown fields or to try without doing.
#[test]
fn writing_may_be_tried_and_strict() {
    for path in DOCUMENTS.keys() {
        let document = document(path);
        for (path, method, operation) in operations(&document) {
            let parameters = parameters(operation);
            if method == "patch" || method == "put" {
                for wanted in ["dryRun", "fieldManager", "fieldValidation"] {
                    assert!(parameters.contains(&wanted), "{method} {path}: {wanted}");
                }
            }
            assert_eq!(
                parameters.contains(&"force"),
                method == "patch",
                "{method} {path}"
            );
        }
    }
}

#[test]
fn a_document_has_the_components_that_it_needs() {
    fn check(within: &Value, components: &Value) {
        match within {
            Value::Object(fields) => {
                if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                    let name = name.strip_prefix("#/components/schemas/").unwrap();
                    assert!(components[name].is_object(), "{name}");
                }
                fields.values().for_each(|value| check(value, components));
            }
            Value::Array(values) => values.iter().for_each(|value| check(value, components)),
            _ => {}
        }
    }
    for path in DOCUMENTS.keys() {
        let document = document(path);
        check(&document, &document["components"]["schemas"]);
    }
    let leases = document("apis/coordination.k8s.io/v1");
    let names: Vec<_> = leases["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    io.k8s.api.coordination.v1.Lease
    io.k8s.api.coordination.v1.LeaseList
    io.k8s.api.coordination.v1.LeaseSpec
    io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions
    io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1
    io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta
    io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry
    io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime
    io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta
    io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference
    io.k8s.apimachinery.pkg.apis.meta.v1.Patch
    io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions
    io.k8s.apimachinery.pkg.apis.meta.v1.Status
    io.k8s.apimachinery.pkg.apis.meta.v1.StatusCause
    io.k8s.apimachinery.pkg.apis.meta.v1.StatusDetails
    io.k8s.apimachinery.pkg.apis.meta.v1.Time
    ");
}
