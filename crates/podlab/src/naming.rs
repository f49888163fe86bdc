//! What commands are about: `pods`, `pods,services`, `pod web`, `pod/web service/web`, as kubectl takes them.

use podlab_api::object::Kind;
use podlab_api::validation::label;

/// In which namespace.
#[derive(Debug, clap::Args)]
pub(crate) struct Within {
    /// The namespace.
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default", value_parser = dns_label)]
    pub(crate) namespace: String,
}

/// Refuses what no namespace and no cluster can be called.
pub(crate) fn dns_label(name: &str) -> Result<String, String> {
    match label(name).first() {
        None => Ok(name.to_owned()),
        Some(broken) => Err(broken.clone()),
    }
}

/// What is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// All objects of these kinds.
    Kinds(Vec<Kind>),
    /// Single ones.
    Objects(Vec<Single>),
}

/// An object of a kind.
pub(crate) type Single = (Kind, String);

/// What an object is called where it stands alone: `deployment.apps/web`.
pub(crate) fn reference(kind: Kind, name: &str) -> String {
    format!("{}/{name}", kind.qualified_kind().to_lowercase())
}

/// Reads the words of a command line.
///
/// # Errors
/// What is wrong with them, in kubectl's words.
pub(crate) fn named(words: &[String]) -> Result<Named, String> {
    if words.iter().any(|word| word.contains('/')) {
        let objects = words.iter().map(|word| kind_and_name(word));
        return Ok(Named::Objects(objects.collect::<Result<_, _>>()?));
    }
    let Some((first, names)) = words.split_first() else {
        return Err("you must specify the type of resource".to_owned());
    };
    let mut kinds = Vec::new();
    for word in first.split(',') {
        for kind in kinds_of(word)? {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    if names.is_empty() {
        return Ok(Named::Kinds(kinds));
    }
    let pairs = kinds
        .iter()
        .flat_map(|kind| names.iter().map(|name| Ok((*kind, checked(name)?))));
    Ok(Named::Objects(pairs.collect::<Result<_, String>>()?))
}

/// A pod by its name, or something else as `KIND/NAME`.
///
/// # Errors
/// What is wrong with it, in kubectl's words.
pub(crate) fn pod_or_other(word: &str) -> Result<Single, String> {
    if word.contains('/') {
        kind_and_name(word)
    } else {
        Ok((Kind::Pod, checked(word)?))
    }
}

fn kind_and_name(word: &str) -> Result<Single, String> {
    let Some((kind, name)) = word.split_once('/') else {
        return Err(
            "there is no need to specify a resource type as a separate argument when passing arguments in \
             resource/name form (e.g. 'podlab get resource/<resource_name>' instead of 'podlab get resource \
             resource/<resource_name>'"
                .to_owned(),
        );
    };
    if name.contains('/') {
        return Err("arguments in resource/name form may not have more than one slash".to_owned());
    }
    let kinds = if kind.is_empty() {
        Vec::new()
    } else {
        kinds_of(kind)?
    };
    match &*kinds {
        [kind] if !name.is_empty() => Ok((*kind, checked(name)?)),
        _ => Err("arguments in resource/name form must have a single resource and name".to_owned()),
    }
}

fn kinds_of(word: &str) -> Result<Vec<Kind>, String> {
    if word == "all" {
        return Ok(vec![Kind::Pod, Kind::Service, Kind::Deployment, Kind::ReplicaSet]);
    }
    match Kind::named(word) {
        Some(kind) => Ok(vec![kind]),
        None => Err(format!("the server doesn't have a resource type {word:?}")),
    }
}

/// Refuses a name that would lead elsewhere.
fn checked(name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Err("resource name may not be empty".to_owned());
    }
    if matches!(name, "." | "..") {
        return Err(format!("invalid resource name {name:?}: [may not be '{name}']"));
    }
    // What has a meaning in a path: such a name belongs to no object.
    match name
        .chars()
        .find(|letter| !letter.is_ascii_graphic() || "/%?#\\\"<>`{}|^".contains(*letter))
    {
        Some(letter) => Err(format!(
            "invalid resource name {name:?}: [may not contain '{letter}']"
        )),
        None => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Named, String> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        named(&words)
    }

    #[test]
    fn kinds_have_several_names() {
        for words in ["pods,svc", "pod,services", "PO,Service,pods"] {
            assert_eq!(
                read(words),
                Ok(Named::Kinds(vec![Kind::Pod, Kind::Service])),
                "{words}"
            );
        }
        assert_eq!(read("deployments.apps"), Ok(Named::Kinds(vec![Kind::Deployment])));
        assert_eq!(
            read("all"),
            Ok(Named::Kinds(vec![
                Kind::Pod,
                Kind::Service,
                Kind::Deployment,
                Kind::ReplicaSet
            ]))
        );
    }

    #[test]
    fn objects_are_named_with_their_kinds() {
        let objects = |objects: &[(Kind, &str)]| {
            Ok(Named::Objects(
                objects
                    .iter()
                    .map(|(kind, name)| (*kind, (*name).to_owned()))
                    .collect(),
            ))
        };
        assert_eq!(read("pod a b"), objects(&[(Kind::Pod, "a"), (Kind::Pod, "b")]));
        assert_eq!(
            read("pod,svc a b"),
            objects(&[
                (Kind::Pod, "a"),
                (Kind::Pod, "b"),
                (Kind::Service, "a"),
                (Kind::Service, "b")
            ])
        );
        assert_eq!(
            read("pod/a deploy/b"),
            objects(&[(Kind::Pod, "a"), (Kind::Deployment, "b")])
        );
    }

    #[test]
    fn what_is_wrong_is_told_as_kubectl_does() {
        for (words, message) in [
            ("widgets", "the server doesn't have a resource type \"widgets\""),
            (
                "pods,widgets",
                "the server doesn't have a resource type \"widgets\"",
            ),
            ("widget/a", "the server doesn't have a resource type \"widget\""),
            (
                "pod/",
                "arguments in resource/name form must have a single resource and name",
            ),
            (
                "all/a",
                "arguments in resource/name form must have a single resource and name",
            ),
            (
                "pod/a/b",
                "arguments in resource/name form may not have more than one slash",
            ),
            ("pod a%b", "invalid resource name \"a%b\": [may not contain '%']"),
            ("pod ..", "invalid resource name \"..\": [may not be '..']"),
        ] {
            assert_eq!(read(words), Err(message.to_owned()), "{words}");
        }
        assert!(
            read("pod/a pod")
                .unwrap_err()
                .starts_with("there is no need to specify")
        );
    }
}
