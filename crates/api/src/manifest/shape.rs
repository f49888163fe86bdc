//! The shapes that values must have: made once from the JSON Schemas of the Kubernetes types and of the Scenario.

use std::collections::HashMap;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::object::Kind;
use crate::scenario::Scenario;

/// A shape's place in [`Shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShapeId(usize);

#[derive(Debug)]
pub(crate) enum Shape {
    Any,
    Bool,
    Text,
    /// Bytes as base64.
    Bytes,
    Time,
    /// A time with microseconds.
    MicroTime,
    Integer {
        min: i64,
        max: i64,
    },
    Number,
    IntOrText,
    /// A number with a unit; written as a string, or as a plain number.
    Quantity,
    Choice(Vec<String>),
    List(ShapeId),
    Map(ShapeId),
    Record {
        /// What Kubernetes' messages call it: `v1.Container`.
        name: String,
        fields: HashMap<String, ShapeId>,
        required: Vec<String>,
    },
}

/// All shapes, and which of them each kind has.
#[derive(Debug)]
pub(crate) struct Shapes {
    shapes: Vec<Shape>,
    kinds: HashMap<Kind, ShapeId>,
    scenario: ShapeId,
}

static SHAPES: LazyLock<Shapes> = LazyLock::new(Shapes::new);

/// The shapes of everything that podlab reads.
pub(crate) fn shapes() -> &'static Shapes {
    &SHAPES
}

impl Shapes {
    fn new() -> Self {
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        let kinds = Kind::ALL
            .iter()
            .map(|kind| (*kind, kind.schema(&mut generator).to_value()))
            .collect::<Vec<_>>();
        let scenario = generator.subschema_for::<Scenario>().to_value();
        let definitions = generator.take_definitions(true);
        let mut compiler = Compiler {
            definitions: &definitions,
            named: HashMap::new(),
            shapes: Vec::new(),
        };
        let kinds = kinds
            .iter()
            .map(|(kind, schema)| (*kind, compiler.compile(schema)))
            .collect();
        let scenario = compiler.compile(&scenario);
        Self {
            shapes: compiler.shapes,
            kinds,
            scenario,
        }
    }

    pub(crate) fn get(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0]
    }

    /// What a field of this shape is when nothing is said of it.
    pub(crate) fn empty(&self, id: ShapeId) -> Value {
        match self.get(id) {
            Shape::Record { .. } | Shape::Map(_) => Value::Object(Map::new()),
            Shape::List(_) => Value::Array(Vec::new()),
            Shape::Bool => Value::Bool(false),
            Shape::Integer { .. } | Shape::Number => Value::from(0),
            Shape::Quantity => Value::from("0"),
            _ => Value::String(String::new()),
        }
    }

    pub(crate) fn kind(&self, kind: Kind) -> ShapeId {
        self.kinds[&kind]
    }

    pub(crate) fn scenario(&self) -> ShapeId {
        self.scenario
    }
}

struct Compiler<'a> {
    definitions: &'a Map<String, Value>,
    named: HashMap<&'a str, ShapeId>,
    shapes: Vec<Shape>,
}

impl<'a> Compiler<'a> {
    fn compile(&mut self, schema: &Value) -> ShapeId {
        if let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix("#/$defs/"))
        {
            return self.named(name);
        }
        // An optional value: one of the alternatives is null.
        if let Some(alternatives) = schema["anyOf"].as_array() {
            let mut present = alternatives
                .iter()
                .filter(|alternative| alternative["type"] != "null");
            if let (Some(only), None) = (present.next(), present.next()) {
                return self.compile(only);
            }
        }
        let shape = self.shape("", schema);
        self.push(shape)
    }

    fn named(&mut self, name: &str) -> ShapeId {
        if let Some(id) = self.named.get(name) {
            return *id;
        }
        let Some((name, definition)) = self.definitions.get_key_value(name) else {
            return self.push(Shape::Any);
        };
        let id = self.push(Shape::Any);
        self.named.insert(name, id);
        self.shapes[id.0] = match name.rsplit('.').next() {
            Some("Quantity") => Shape::Quantity,
            Some("Time") => Shape::Time,
            Some("MicroTime") => Shape::MicroTime,
            _ => self.shape(name, definition),
        };
        id
    }

    fn push(&mut self, shape: Shape) -> ShapeId {
        self.shapes.push(shape);
        ShapeId(self.shapes.len() - 1)
    }

    fn shape(&mut self, name: &str, schema: &Value) -> Shape {
        if schema["x-kubernetes-int-or-string"] == true || schema["anyOf"].is_array() {
            return Shape::IntOrText;
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let choices = choices.iter().filter_map(|choice| choice["const"].as_str());
            return Shape::Choice(choices.map(str::to_owned).collect());
        }
        if let Some(choices) = schema["enum"].as_array() {
            let choices = choices.iter().filter_map(Value::as_str);
            return Shape::Choice(choices.map(str::to_owned).collect());
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
        match kind {
            Some("boolean") => Shape::Bool,
            Some("string") if schema["format"] == "byte" => Shape::Bytes,
            Some("string") => Shape::Text,
            Some("number") => Shape::Number,
            Some("integer") => {
                let (min, max) = limits(schema["format"].as_str().unwrap_or_default());
                let min = schema["minimum"].as_i64().unwrap_or(min);
                Shape::Integer {
                    min,
                    max: schema["maximum"].as_i64().unwrap_or(max),
                }
            }
            Some("array") => Shape::List(self.compile(&schema["items"])),
            Some("object") => self.object(name, schema),
            _ => Shape::Any,
        }
    }

    fn object(&mut self, name: &str, schema: &Value) -> Shape {
        if let Some(properties) = schema["properties"].as_object() {
            let fields = properties
                .iter()
                .map(|(name, schema)| (name.clone(), self.compile(schema)))
                .collect();
            let required = schema["required"].as_array().into_iter().flatten();
            let required = required.filter_map(Value::as_str).map(str::to_owned).collect();
            let mut parts = name.rsplitn(3, '.');
            let (name, package) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            return Shape::Record {
                name: format!("{package}.{name}"),
                fields,
                required,
            };
        }
        match &schema["additionalProperties"] {
            Value::Object(_) => Shape::Map(self.compile(&schema["additionalProperties"])),
            Value::Bool(true) => {
                let any = self.push(Shape::Any);
                Shape::Map(any)
            }
            _ => Shape::Any,
        }
    }
}

fn limits(format: &str) -> (i64, i64) {
    match format {
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}
