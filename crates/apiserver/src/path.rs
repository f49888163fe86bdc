//! What a request's path names: a collection, an object, or a part of one.

use podlab_api::object::Kind;
use podlab_api::steps::NamespacedName;

use crate::resources;

/// A resource path, as Kubernetes' API builds them: `/apis/apps/v1/namespaces/default/deployments/web/scale`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    /// The kind of the objects there.
    pub kind: Kind,
    /// The namespace; none: all of them, or the kind has none.
    pub namespace: Option<String>,
    /// The object; none: all of them.
    pub name: Option<String>,
    /// A part of the object: `status`.
    pub subresource: Option<String>,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To something of a kind that podlab has.
    Resource(ResourcePath),
    /// To something that an API group of Kubernetes doesn't have.
    NoResource,
    /// Out of the API's groups.
    Elsewhere,
}

impl ResourcePath {
    /// The object's name in the store; none for a collection.
    pub(crate) fn object(&self) -> Option<NamespacedName> {
        Some(NamespacedName {
            namespace: self.namespace.clone().unwrap_or_default(),
            name: self.name.clone()?,
        })
    }
}

/// Reads a path, still percent-encoded.
pub(crate) fn place(path: &str) -> Place {
    let Some(segments) = segments(path) else {
        return Place::Elsewhere;
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Place::Elsewhere,
    };
    let known = Kind::ALL.iter().any(|kind| kind.group() == group);
    if !known || version != "v1" || rest.is_empty() {
        return Place::Elsewhere;
    }
    resource(group, rest).map_or(Place::NoResource, Place::Resource)
}

fn resource(group: &str, rest: &[&str]) -> Option<ResourcePath> {
    let kind = |plural: &str| {
        let mut kinds = Kind::ALL.iter().copied();
        kinds.find(|kind| kind.group() == group && kind.plural() == plural)
    };
    let path = |kind: Kind, namespace: Option<&str>, rest: &[&str]| {
        let (name, subresource) = match rest {
            [] => (None, None),
            [name] => (Some(*name), None),
            [name, subresource] => {
                resources::of(kind).subresource(subresource)?;
                (Some(*name), Some(*subresource))
            }
            _ => return None,
        };
        Some(ResourcePath {
            kind,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
        })
    };
    if let ["namespaces", namespace, plural, rest @ ..] = rest
        && let Some(kind) = kind(plural)
    {
        return kind
            .namespaced()
            .then(|| path(kind, Some(namespace), rest))
            .flatten();
    }
    let [plural, rest @ ..] = rest else { return None };
    let kind = kind(plural)?;
    // An object in a namespace isn't found without it.
    if kind.namespaced() && !rest.is_empty() {
        return None;
    }
    path(kind, None, rest)
}

/// The decoded parts of a path. None for what no name can be: empty, `.` and `..`, slashes, broken encodings.
fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    path.strip_suffix('/')
        .unwrap_or(path)
        .split('/')
        .map(|segment| {
            let bytes = decode(segment)?;
            let text = String::from_utf8(bytes).ok()?;
            let is_name = !["", ".", ".."].contains(&&*text) && !text.contains(['/', '\0', '\\']);
            is_name.then_some(text)
        })
        .collect()
}

fn decode(segment: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_collections_objects_and_parts() {
        for (path, expected) in [
            ("/api/v1/pods", "Pod"),
            ("/api/v1/pods/", "Pod"),
            ("/api/v1/namespaces/shop/pods", "Pod in shop"),
            ("/api/v1/namespaces/shop/pods/web", "Pod in shop: web"),
            ("/api/v1/namespaces/shop/pods/w%65b/log", "Pod in shop: web, log"),
            ("/api/v1/namespaces", "Namespace"),
            ("/api/v1/namespaces/shop", "Namespace: shop"),
            ("/api/v1/namespaces/shop/status", "Namespace: shop, status"),
            ("/apis/apps/v1/deployments", "Deployment"),
            (
                "/apis/apps/v1/namespaces/shop/deployments/web/scale",
                "Deployment in shop: web, scale",
            ),
            ("/api/v1/nodes/node-1", "Node: node-1"),
        ] {
            let Place::Resource(found) = place(path) else {
                panic!("{path}")
            };
            let mut text = found.kind.to_string();
            text += &found.namespace.map(|it| format!(" in {it}")).unwrap_or_default();
            text += &found.name.map(|it| format!(": {it}")).unwrap_or_default();
            text += &found.subresource.map(|it| format!(", {it}")).unwrap_or_default();
            assert_eq!(text, expected, "{path}");
        }
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/api/v1/widgets",
            "/api/v1/deployments",
            "/apis/apps/v1/namespaces/shop/pods",
            "/api/v1/pods/web",
            "/api/v1/namespaces/shop/pods/web/log/more",
            "/api/v1/namespaces/shop/pods/web/scale",
            "/api/v1/namespaces/shop/configmaps/web/status",
            "/api/v1/namespaces/shop/nodes/node-1",
        ] {
            assert_eq!(place(path), Place::NoResource, "{path}");
        }
        for path in [
            "",
            "/",
            "/healthz",
            "/api",
            "/api/v1",
            "/api/v2/pods",
            "/apis/batch/v1/jobs",
            "/api/v1/namespaces/../pods",
            "/api/v1/namespaces/%2e%2e/pods",
            "/api/v1//pods",
            "/api/v1/namespaces/shop/pods/a%2fb",
            "/api/v1/pods/%zz",
            "/api/v1/pods/%e",
            "/api/v1/pods/%ff",
        ] {
            assert_eq!(place(path), Place::Elsewhere, "{path}");
        }
    }
}
