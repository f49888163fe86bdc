//! The schemas of all kinds and of what they refer to, as Kubernetes' OpenAPI v3 has them.

mod extensions;
mod node;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::LazyLock;

use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ListMeta, Patch, Status};
use podlab_api::object::Kind;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

pub use extensions::{ListType, PatchStrategy};
pub use node::{Node, Scalar, Shape};

/// The component of the `scale` subresources.
pub const SCALE: &str = "io.k8s.api.autoscaling.v1.Scale";
pub(crate) const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
pub(crate) const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
pub(crate) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/// What a reference to a component begins with.
const REFERENCE: &str = "#/components/schemas/";

struct Schemas {
    components: Map<String, Value>,
    kinds: HashMap<Kind, String>,
}

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::new);

/// All components, by their names: `io.k8s.api.core.v1.Pod`.
pub fn components() -> &'static Map<String, Value> {
    &SCHEMAS.components
}

/// The name of a kind's component: `io.k8s.api.core.v1.Pod`.
pub fn of(kind: Kind) -> &'static str {
    &SCHEMAS.kinds[&kind]
}

impl Schemas {
    fn new() -> Self {
        let mut generator = SchemaSettings::openapi3().into_generator();
        let kinds: HashMap<Kind, String> = Kind::ALL
            .iter()
            .map(|kind| {
                let schema = kind.schema(&mut generator).to_value();
                (*kind, referred(&schema).unwrap_or_default().to_owned())
            })
            .collect();
        generator.subschema_for::<Scale>();
        generator.subschema_for::<Status>();
        generator.subschema_for::<DeleteOptions>();
        generator.subschema_for::<ListMeta>();
        generator.subschema_for::<Patch>();
        let mut components = generator.take_definitions(true);
        for (name, component) in &mut components {
            extensions::extend(name, component);
            state_alternatives(name, component);
        }
        for (kind, name) in &kinds {
            components.insert(format!("{name}List"), list(name));
            stands_for(&mut components, name, kind.group(), kind.as_str());
            let list = (format!("{name}List"), format!("{kind}List"));
            stands_for(&mut components, &list.0, kind.group(), &list.1);
        }
        stands_for(&mut components, SCALE, "autoscaling", "Scale");
        stands_for(&mut components, STATUS, "", "Status");
        Self { components, kinds }
    }
}

/// What may be a number or a string says so in OpenAPI's own words.
fn state_alternatives(name: &str, component: &mut Value) {
    let fields = component.as_object_mut();
    if fields.is_some_and(|fields| fields.remove("x-kubernetes-int-or-string").is_some()) {
        let number = if name.ends_with(".Quantity") {
            "number"
        } else {
            "integer"
        };
        component["oneOf"] = json!([{"type": number}, {"type": "string"}]);
    }
}

fn list(component: &str) -> Value {
    json!({
        "description": "A list of objects of one kind.",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": reference(LIST_META),
            "items": {"type": "array", "items": reference(component)},
        },
    })
}

fn stands_for(components: &mut Map<String, Value>, component: &str, group: &str, kind: &str) {
    if let Some(component) = components.get_mut(component) {
        component["x-kubernetes-group-version-kind"] =
            json!([{"group": group, "version": "v1", "kind": kind}]);
    }
}

pub(crate) fn reference(component: &str) -> Value {
    json!({"$ref": format!("{REFERENCE}{component}")})
}

/// The component that a schema refers to, perhaps with words of its own about it.
pub(crate) fn referred(schema: &Value) -> Option<&str> {
    let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref"));
    reference?.as_str()?.strip_prefix(REFERENCE)
}
