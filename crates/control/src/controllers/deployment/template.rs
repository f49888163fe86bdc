//! Pod templates: when two are the same, and a short name for each.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

/// The label that tells the pods of a deployment's sets apart.
pub(super) const HASH: &str = "pod-template-hash";

/// Which of the sets, from old to new, has a template; the oldest, if several have.
pub(super) fn find<'a>(
    template: &PodTemplateSpec,
    sets: impl Iterator<Item = &'a ReplicaSet> + Clone,
) -> Option<usize> {
    let templates = sets.map(|set| set.spec.as_ref()?.template.clone().map(unlabelled));
    let same = templates
        .clone()
        .position(|other| other.as_ref() == Some(template));
    // Clients leave out what is empty.
    same.or_else(|| {
        let wanted = meaning(template);
        templates
            .clone()
            .position(|other| other.is_some_and(|other| meaning(&other) == wanted))
    })
}

/// A set's template as its deployment has it.
fn unlabelled(mut template: PodTemplateSpec) -> PodTemplateSpec {
    let metadata = template.metadata.iter_mut();
    metadata
        .filter_map(|metadata| metadata.labels.as_mut())
        .for_each(|labels| drop(labels.remove(HASH)));
    template
}

fn meaning(template: &PodTemplateSpec) -> Value {
    fn is_empty(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        }
    }
    fn prune(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(prune),
            Value::Object(fields) => {
                fields.values_mut().for_each(prune);
                fields.retain(|_, value| !is_empty(value));
            }
            _ => {}
        }
    }
    // All templates have a JSON form.
    let mut value = serde_json::to_value(template).unwrap_or_default();
    prune(&mut value);
    value
}

/// A short name of a template's content: FNV-1a in letters that make no words, as Kubernetes names ReplicaSets. What it
/// collided with before makes it another.
pub(super) fn hash(template: &PodTemplateSpec, collisions: i32) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut text = serde_json::to_vec(template).unwrap_or_default();
    if collisions > 0 {
        text.extend(collisions.to_le_bytes());
    }
    let hash = text.iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    hash.to_string()
        .bytes()
        .map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_is_found_by_what_it_means() {
        let set = |template: Value| -> ReplicaSet {
            serde_json::from_value(
                json!({ "metadata": {}, "spec": { "selector": {}, "template": template } }),
            )
            .unwrap()
        };
        let sets = [
            set(
                json!({ "metadata": { "labels": { "app": "web", HASH: "abc" } }, "spec": { "containers": [] } }),
            ),
            set(json!({
                "metadata": { "labels": { "app": "web", HASH: "def" } },
                "spec": { "containers": [{ "name": "web", "env": [] }] },
            })),
        ];
        for (template, expected) in [
            (
                json!({ "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [] } }),
                Some(0),
            ),
            (
                json!({ "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "web" }] } }),
                Some(1),
            ),
            (
                json!({ "metadata": { "labels": { "app": "api" } }, "spec": { "containers": [] } }),
                None,
            ),
        ] {
            let template: PodTemplateSpec = serde_json::from_value(template).unwrap();
            assert_eq!(find(&template, sets.iter()), expected, "{template:?}");
        }
    }

    #[test]
    fn a_collision_gives_another_name() {
        let template = PodTemplateSpec::default();
        assert_ne!(hash(&template, 0), hash(&template, 1));
    }
}
