//! A way through the schemas, along an object's JSON form.

use podlab_api::object::Kind;
use serde_json::Value;

use super::extensions::{self, Extensions};
use super::table::NONE;
use super::{ListType, PatchStrategy, components, referred};

/// What is said of one place: of an object, of a field, or of what is in a list or map.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    place: &'static Value,
    /// The component that the place refers to; empty if it says by itself what is there.
    component: &'static str,
    definition: &'static Value,
    extensions: &'static Extensions,
}

/// What is at a place.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A value without parts that have a schema: a string, a number, a boolean, or any JSON.
    Scalar,
    /// An object with the fields that [`Node::field`] knows.
    Struct,
    /// An object with any keys, and such values.
    Map(Node),
    /// A list of such elements.
    List(Node),
}

/// The values that a place without parts can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// A string.
    String,
    /// An integer or a float.
    Number,
    /// A boolean.
    Boolean,
    /// Any of them: a quantity, a time, a number or a name; or any JSON.
    Any,
}

impl Node {
    /// The objects of a kind.
    pub fn of(kind: Kind) -> Self {
        Self::component(super::of(kind))
    }

    /// The objects of a component, such as [`super::SCALE`]; of one that isn't there nothing is known.
    pub fn component(name: &str) -> Self {
        match components().get_key_value(name) {
            Some((name, definition)) => Self {
                place: definition,
                component: name,
                definition,
                extensions: &NONE,
            },
            None => Self::new(&Value::Null, &NONE),
        }
    }

    fn new(place: &'static Value, extensions: &'static Extensions) -> Self {
        let component = referred(place).and_then(|name| components().get_key_value(name));
        let (component, definition) = component.map_or(("", place), |(name, schema)| (name.as_str(), schema));
        Self {
            place,
            component,
            definition,
            extensions,
        }
    }

    /// What is here.
    pub fn shape(self) -> Shape {
        let within = |part: &str| Some(Self::new(self.definition.get(part)?, &NONE));
        if self.definition.get("properties").is_some() {
            Shape::Struct
        } else if let Some(values) = within("additionalProperties") {
            Shape::Map(values)
        } else if let Some(elements) = within("items") {
            Shape::List(elements)
        } else {
            Shape::Scalar
        }
    }

    /// A field of a [`Shape::Struct`], if it has it.
    pub fn field(self, name: &str) -> Option<Self> {
        let place = self.definition.get("properties")?.get(name)?;
        Some(Self::new(place, extensions::of(self.component, name)))
    }

    /// Whether a [`Shape::Struct`] has to have a field.
    pub fn requires(self, name: &str) -> bool {
        let required = self.definition.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|field| field == name))
    }

    /// The fields of a [`Shape::Struct`].
    pub fn fields(self) -> impl Iterator<Item = (&'static str, Self)> {
        let fields = self.definition.get("properties").and_then(Value::as_object);
        let of = move |(name, place): (&'static String, _)| {
            (
                name.as_str(),
                Self::new(place, extensions::of(self.component, name)),
            )
        };
        fields.into_iter().flatten().map(of)
    }

    /// What is said of a field of a [`Shape::Struct`], or of what is at a key of a [`Shape::Map`].
    pub fn child(self, key: &str) -> Option<Self> {
        match self.shape() {
            Shape::Struct => self.field(key),
            Shape::Map(values) => Some(values),
            Shape::Scalar | Shape::List(_) => None,
        }
    }

    /// Which values a [`Shape::Scalar`] can be.
    pub fn scalar(self) -> Scalar {
        let of_its_own = self.component.is_empty();
        match self.definition.get("type").and_then(Value::as_str) {
            Some("string") if of_its_own => Scalar::String,
            Some("integer" | "number") if of_its_own => Scalar::Number,
            Some("boolean") if of_its_own => Scalar::Boolean,
            _ => Scalar::Any,
        }
    }

    /// The name of the type here, as Go has it: `PodSpec`; empty if the place says by itself what is there.
    pub fn type_name(self) -> &'static str {
        self.component.rsplit('.').next().unwrap_or_default()
    }

    /// The name of the component here, without what all have in common: `core.v1.PodSpec`; empty if there is none.
    pub fn component_name(self) -> &'static str {
        extensions::short(self.component)
    }

    /// Which of several forms of a value it is: `int32`, `byte`.
    pub fn format(self) -> Option<&'static str> {
        self.definition.get("format")?.as_str()
    }

    /// How the elements of a list are told apart when it is applied; of anything else it says nothing.
    pub fn list_type(self) -> ListType {
        self.extensions.list_type
    }

    /// Whether the object here is replaced as a whole when it is applied.
    pub fn map_is_atomic(self) -> bool {
        self.extensions.atomic_map || self.definition.get("x-kubernetes-map-type").is_some()
    }

    /// What a strategic merge patch does with the list or object here.
    pub fn patch_strategy(self) -> PatchStrategy {
        self.extensions.patch_strategy
    }

    /// The field that tells the elements of a list apart in a strategic merge patch; none if they are scalars.
    pub fn patch_merge_key(self) -> Option<&'static str> {
        self.extensions.patch_merge_key
    }

    /// The value of a field that isn't there.
    pub fn default(self) -> Option<&'static Value> {
        self.place.get("default")
    }
}
