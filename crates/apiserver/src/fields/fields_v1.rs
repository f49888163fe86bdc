//! The JSON form of a set: FieldsV1 of `meta.k8s.io`.

use serde_json::{Map, Value, json};

use super::element::{Element, Step};
use super::set::{Place, Set};

/// A text that isn't FieldsV1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} isn't part of FieldsV1")]
pub(crate) struct FieldsError(String);

/// What stands for an object itself, beside what is in it.
const ITSELF: &str = ".";

impl Set {
    /// Writes it as FieldsV1.
    pub(crate) fn to_fields_v1(&self) -> Value {
        let places = self.0.iter().map(|(element, place)| {
            let mut within = place.within.to_fields_v1();
            if place.is_member && !place.within.is_empty() {
                within[ITSELF] = json!({});
            }
            (element.to_text(), within)
        });
        Value::Object(places.collect())
    }

    /// Reads FieldsV1. Steps of unknown sorts are passed over.
    ///
    /// # Errors
    /// [`FieldsError`], with the part that can't be read.
    pub(crate) fn from_fields_v1(fields: &Value) -> Result<Self, FieldsError> {
        let mut set = Self::default();
        for (text, within) in object(fields)? {
            if text == ITSELF {
                continue;
            }
            let Some(element) = Element::from_text(text)? else {
                continue;
            };
            let is_itself = object(within)?.contains_key(ITSELF);
            let within = Self::from_fields_v1(within)?;
            let is_member = is_itself || within.is_empty();
            set.0.insert(element, Place { is_member, within });
        }
        Ok(set)
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, FieldsError> {
    value.as_object().ok_or_else(|| FieldsError(value.to_string()))
}

impl Element {
    fn to_text(&self) -> String {
        match &self.0 {
            Step::Field(name) => format!("f:{name}"),
            Step::Key(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.clone(), value.0.clone()));
                format!("k:{}", Value::Object(fields.collect()))
            }
            Step::Value(value) => format!("v:{}", value.0),
            Step::Index(index) => format!("i:{index}"),
        }
    }

    fn from_text(text: &str) -> Result<Option<Self>, FieldsError> {
        let unreadable = || FieldsError(text.to_owned());
        let (sort, content) = text
            .split_at_checked(2)
            .filter(|(sort, _)| sort.ends_with(':'))
            .ok_or_else(unreadable)?;
        let read = |content: &str| serde_json::from_str(content).map_err(|_| unreadable());
        Ok(Some(match sort {
            "f:" => Self::field(content),
            "k:" => match read(content)? {
                Value::Object(fields) => Self::key(fields),
                _ => return Err(unreadable()),
            },
            "v:" => Self::value(read(content)?),
            "i:" => Self::index(content.parse().map_err(|_| unreadable())?),
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Path;
    use super::*;

    fn port_80() -> Element {
        Element::key([
            ("protocol".to_owned(), json!("TCP")),
            ("containerPort".to_owned(), json!(80)),
        ])
    }

    #[test]
    fn the_json_form_says_what_is_in_the_set() {
        let ports = Path::of(["spec", "ports"]);
        let set: Set = [
            Path::of(["spec", "replicas"]),
            Path::of(["metadata", "labels"]),
            Path::of(["metadata", "labels", "example.com/app"]),
            ports.then(port_80()).then(Element::field("name")),
            Path::of(["metadata", "finalizers"]).then(Element::value(json!("a/b"))),
            Path::of(["list"]).then(Element::index(3)),
        ]
        .into_iter()
        .collect();
        let fields = json!({
            "f:list": {"i:3": {}},
            "f:metadata": {
                "f:finalizers": {"v:\"a/b\"": {}},
                "f:labels": {".": {}, "f:example.com/app": {}},
            },
            "f:spec": {
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {"f:name": {}}},
                "f:replicas": {},
            },
        });
        assert_eq!(set.to_fields_v1(), fields);
        assert_eq!(Set::from_fields_v1(&fields), Ok(set));
    }

    #[test]
    fn paths_are_told_as_kubernetes_tells_them() {
        let finalizer = Element::value(json!("a/b"));
        let set: Set = [
            Path::of(["spec", "ports"])
                .then(port_80())
                .then(Element::field("name")),
            Path::of(["spec", "replicas"]),
            Path::of(["metadata", "finalizers"]).then(finalizer),
            Path::of(["list"]).then(Element::index(3)),
        ]
        .into_iter()
        .collect();
        let paths: Vec<String> = set.paths().iter().map(ToString::to_string).collect();
        assert_eq!(
            paths,
            [
                ".list[3]",
                r#".metadata.finalizers[="a/b"]"#,
                ".spec.replicas",
                r#".spec.ports[containerPort=80,protocol="TCP"].name"#,
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_and_what_is_unknown_passed_over() {
        let known = Set::from_iter([Path::of(["a"])]);
        for (fields, expected) in [
            (json!({"f:a": {}, "x:b": {}}), Ok(known.clone())),
            (json!({"f:a": {"x:b": {}}}), Ok(known.clone())),
            (json!({".": {}, "f:a": {".": {}}}), Ok(known)),
            (json!({}), Ok(Set::default())),
            (json!([]), Err("[]")),
            (json!({"f:a": null}), Err("null")),
            (json!({"a": {}}), Err("a")),
            (json!({"fa": {}}), Err("fa")),
            (json!({"k:[]": {}}), Err("k:[]")),
            (json!({"k:{}x": {}}), Err("k:{}x")),
            (json!({"v:": {}}), Err("v:")),
            (json!({"i:a": {}}), Err("i:a")),
            (json!({"\u{e9}:": {}}), Err("\u{e9}:")),
        ] {
            let expected = expected.map_err(|part| FieldsError(part.to_owned()));
            assert_eq!(Set::from_fields_v1(&fields), expected, "{fields}");
        }
    }
}
