//! What clients get wrong, and what the server says.

use serde_json::json;

use super::*;

fn problems(kind: Kind, body: &str, format: Format) -> Vec<String> {
    decode(kind, body.as_bytes(), format).unwrap().problems
}

fn refused(kind: Kind, body: &str) -> String {
    decode(kind, body.as_bytes(), Format::Json)
        .unwrap_err()
        .to_string()
}

#[test]
fn fields_that_do_not_exist_and_fields_that_are_there_twice() {
    let body = r#"{
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web", "app": "web"}},
        "spec": {
            "unknown1": {"nested": 1, "nested": 2},
            "unknownDupe": 1, "unknownDupe": 2,
            "paused": true, "paused": false,
            "template": {"spec": {"containers": [{
                "name": "web", "imagee": "x",
                "imagePullPolicy": "Always", "imagePullPolicy": "Never",
                "resources": {"limits": {"cpu": 1, "cpu": "2"}}
            }]}}
        }
    }"#;
    let expected = [
        "duplicate field \"metadata.labels.app\"",
        "unknown field \"spec.unknown1\"",
        "unknown field \"spec.unknownDupe\"",
        "duplicate field \"spec.paused\"",
        "unknown field \"spec.template.spec.containers[0].imagee\"",
        "duplicate field \"spec.template.spec.containers[0].imagePullPolicy\"",
        "duplicate field \"spec.template.spec.containers[0].resources.limits.cpu\"",
    ];
    let decoded = decode(Kind::Deployment, body.as_bytes(), Format::Json).unwrap();
    assert_eq!(decoded.problems, expected);
    let object = decoded.object.to_json().unwrap();
    assert_eq!(object["spec"]["paused"], false);
    assert_eq!(
        object["spec"]["template"]["spec"]["containers"][0],
        json!({"name": "web", "imagePullPolicy": "Never", "resources": {"limits": {"cpu": "2"}}})
    );
}

#[test]
fn yaml_tells_its_duplicates_by_their_lines() {
    let body = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  unknown: 1\n  unknown: 2\n  paused: true\n  paused: false\n  \
                template:\n    spec:\n      containers: [{nam: web}]\n---\nkind: [\n";
    let expected = [
        "yaml: unmarshal errors:\n  line 5: key \"unknown\" already set in map\n  line 7: key \"paused\" already set in map",
        "unknown field \"spec.template.spec.containers[0].nam\"",
        "unknown field \"spec.unknown\"",
    ];
    assert_eq!(problems(Kind::Deployment, body, Format::Yaml), expected);
    let decoded = decode(Kind::Deployment, body.as_bytes(), Format::Yaml).unwrap();
    assert_eq!(decoded.object.to_json().unwrap()["spec"]["paused"], false);
}

#[test]
fn what_strict_field_validation_says() {
    let problems = ["unknown field \"a\"".to_owned(), "unknown field \"b\"".to_owned()];
    assert_eq!(
        strict_error(Kind::Deployment, &problems),
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"a\", \
         unknown field \"b\""
    );
}

#[test]
fn fields_of_another_type() {
    let pod = |why: &str| format!("Pod in version \"v1\" cannot be handled as a Pod: {why}");
    let cases = [
        (
            r#"{"metadata": {"name": 5}}"#,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
        ),
        (
            r#"{"metadata": {"labels": {"a": true}}}"#,
            "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            r#"{"metadata": {"labels": "a=b"}}"#,
            "json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string",
        ),
        (
            r#"{"metadata": {"creationTimestamp": "now"}}"#,
            "parsing time \"now\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"now\" as \"2006\"",
        ),
        (
            r#"{"metadata": "web"}"#,
            "json: cannot unmarshal string into Go struct field Pod.metadata of type v1.ObjectMeta",
        ),
        (
            r#"{"spec": {"containers": {"name": "web"}}}"#,
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            r#"{"spec": {"containers": [{"name": "web"}, "sidecar"]}}"#,
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container",
        ),
        (
            r#"{"spec": {"containers": [{"env": [{"name": "A", "value": 1}]}], "hostNetwork": "yes"}}"#,
            "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
        ),
        (
            r#"{"spec": {"containers": [{"ports": [{"containerPort": "80"}]}]}}"#,
            "json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type \
             int32",
        ),
        (
            r#"{"spec": {"activeDeadlineSeconds": 1.5}}"#,
            "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64",
        ),
        (
            r#"{"spec": {"containers": [{"readinessProbe": {"httpGet": {"port": true}}}]}}"#,
            "json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.containers.readinessProbe.httpGet.port of \
             type int32",
        ),
        (
            r#"{"spec": {"containers": [{"resources": {"limits": {"memory": "5 GB"}}}]}}"#,
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(refused(Kind::Pod, body), pod(expected), "{body}");
    }
    assert_eq!(
        refused(Kind::Secret, r#"{"data": {"password": "hunter2"}}"#),
        "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 4"
    );
}

#[test]
fn bodies_that_do_not_say_what_they_are() {
    let unrecognized =
        |why: &str| format!("the object provided is unrecognized (must be of type Pod): {why}");
    let json = |why: &str| unrecognized(&format!("couldn't get version/kind; json parse error: {why}"));
    let cases = [
        ("", json("unexpected end of JSON input (<empty>)")),
        ("{", json("unexpected end of JSON input ({)")),
        (
            "hello",
            json("invalid character 'h' looking for beginning of value (68656c6c6f)"),
        ),
        (
            "{a: 1}",
            json("invalid character 'a' looking for beginning of object key string ({a: 1})"),
        ),
        (
            "{\"a\" 1}",
            json("invalid character '1' after object key ({\"a\" 1})"),
        ),
        (
            "{\"a\": 1 2}",
            json("invalid character '2' after object key:value pair ({\"a\": 1 2})"),
        ),
        (
            "{\"a\": 1,}",
            json("invalid character '}' looking for beginning of object key string ({\"a\": 1,})"),
        ),
        (
            "{\"a\": [1,]}",
            json("invalid character ']' looking for beginning of value ({\"a\": [1,]})"),
        ),
        (
            "{\"a\": [1 2]}",
            json("invalid character '2' after array element ({\"a\": [1 2]})"),
        ),
        (
            "{}\n{}",
            json("invalid character '{' after top-level value ({}\n{})"),
        ),
        (
            "{\"a\": 'b'}",
            json("invalid character '\\'' looking for beginning of value ({\"a\": 'b'})"),
        ),
        (
            "{\"a\": \"\t\"}",
            json("invalid character '\\t' in string literal ({\"a\": \"\t\"})"),
        ),
        (
            "{\"apiVersion\": 1, \"kind\": \"Pod\", \"metadata\": {}}",
            json(
                "json: cannot unmarshal number into Go struct field .apiVersion of type string ({\"apiVersion\": 1, \"kind\": \
                 \"Pod ...)",
            ),
        ),
        (
            "[]",
            json(
                "json: cannot unmarshal array into Go value of type struct { APIVersion string \
                 \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" } (5b5d)",
            ),
        ),
        (
            "{\"apiVersion\": \"a/b/c\"}",
            unrecognized("unexpected GroupVersion string: a/b/c ({\"apiVersion\": \"a/b/c\"})"),
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(refused(Kind::Pod, body), expected, "{body}");
    }
    let yaml = decode(Kind::Pod, b"kind: Pod\n\tmetadata: {}\n", Format::Yaml).unwrap_err();
    assert_eq!(
        yaml.to_string(),
        unrecognized(
            "yaml: line 2: a tab can't be used for indentation (6b696e643a20506f640a096d657461646174613a207b7d0a)"
        )
    );
}

#[test]
fn bodies_of_other_kinds_and_versions() {
    let cases = [
        (
            Kind::Pod,
            r#"{"apiVersion": "v1", "kind": "Service"}"#,
            "Service in version \"v1\" cannot be handled as a Pod: converting (v1.Service) to (core.Pod): unknown conversion",
        ),
        (
            Kind::NetworkPolicy,
            r#"{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}"#,
            "Ingress in version \"v1\" cannot be handled as a NetworkPolicy: converting (v1.Ingress) to \
             (networking.NetworkPolicy): unknown conversion",
        ),
        (
            Kind::Pod,
            r#"{"apiVersion": "v1", "kind": "Pot"}"#,
            "Pot in version \"v1\" cannot be handled as a Pod: no kind \"Pot\" is registered for version \"v1\" in scheme \
             \"pkg/api/legacyscheme/scheme.go:30\"",
        ),
        (
            Kind::Pod,
            r#"{"apiVersion": "apps/v1", "kind": "Pod"}"#,
            "Pod in version \"v1\" cannot be handled as a Pod: no kind \"Pod\" is registered for version \"apps/v1\" in scheme \
             \"pkg/api/legacyscheme/scheme.go:30\"",
        ),
        (
            Kind::Deployment,
            r#"{"apiVersion": "apps/v1beta1", "kind": "Deployment"}"#,
            "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)",
        ),
        (
            Kind::Event,
            r#"{"apiVersion": "events.k8s.io/v1", "kind": "Event"}"#,
            "the API version in the data (events.k8s.io/v1) does not match the expected API version (v1)",
        ),
    ];
    for (kind, body, expected) in cases {
        assert_eq!(refused(kind, body), expected, "{body}");
    }
}

#[test]
fn what_is_left_out_or_null_is_as_if_it_were_not_there() {
    let bodies = [
        (Format::Json, "{}"),
        (Format::Json, "null"),
        (Format::Yaml, ""),
        (Format::Yaml, "# nothing\n"),
        (Format::Json, r#"{"kind": "Pod", "apiVersion": "v1"}"#),
        (
            Format::Json,
            r#"{"kind": null, "metadata": {"labels": null, "creationTimestamp": null}, "spec": null}"#,
        ),
    ];
    for (format, body) in bodies {
        let decoded = decode(Kind::Pod, body.as_bytes(), format).unwrap();
        assert_eq!(
            decoded.object,
            Object::from_json(Kind::Pod, json!({})).unwrap(),
            "{body}"
        );
        assert_eq!(decoded.problems, Vec::<String>::new());
    }
    let nulls = r#"{"data": {"a": null}, "metadata": {"finalizers": [null]}}"#;
    let decoded = decode(Kind::ConfigMap, nulls.as_bytes(), Format::Json).unwrap();
    let expected = json!({"data": {"a": ""}, "metadata": {"finalizers": [""]}});
    assert_eq!(
        decoded.object,
        Object::from_json(Kind::ConfigMap, expected).unwrap()
    );
}

#[test]
fn the_result_of_a_patch_is_read_as_a_body_is() {
    let patched =
        json!({"apiVersion": "v1", "kind": "Service", "spec": {"porst": [], "ports": [{"port": 80}]}});
    let decoded = decode_value(Kind::Service, patched).unwrap();
    assert_eq!(decoded.problems, ["unknown field \"spec.porst\""]);
    let patched = json!({"spec": {"ports": [{"port": "80"}]}});
    assert_eq!(
        decode_value(Kind::Service, patched).unwrap_err().why(),
        "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32"
    );
}

#[test]
fn patches_are_of_any_form() {
    let parsed = parse(br#"[{"op": "add", "op": "remove", "path": "/a"}]"#, Format::Json).unwrap();
    assert_eq!(parsed.value, json!([{"op": "remove", "path": "/a"}]));
    assert_eq!(parsed.problems, ["duplicate field \"[0].op\""]);
    let parsed = parse(b"spec:\n  replicas: 1\n  replicas: 2\n", Format::Yaml).unwrap();
    assert_eq!(parsed.value, json!({"spec": {"replicas": 2}}));
    assert_eq!(
        parsed.problems,
        ["yaml: unmarshal errors:\n  line 3: key \"replicas\" already set in map"]
    );
    let error = parse(b"{\"spec\":", Format::Json).unwrap_err();
    assert_eq!(error.to_string(), "unexpected end of JSON input");
}

#[test]
fn bodies_can_not_be_nested_without_end() {
    let deep = "[".repeat(100_000);
    assert_eq!(
        parse(deep.as_bytes(), Format::Json).unwrap_err().to_string(),
        "exceeded max depth"
    );
    let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    assert_eq!(
        parse(deep.as_bytes(), Format::Yaml).unwrap_err().to_string(),
        "yaml: line 1: recursion limit exceeded"
    );
}
