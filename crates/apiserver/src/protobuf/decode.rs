//! The fields of a message as those of a JSON object, typed by the schema.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::fields::{Field, MESSAGES, Message};
use super::wire::{Fields, Wire, WireError, varint};
use crate::schema::{Node, Scalar, Shape};

/// Where something is on the wire: the name of the field, and what is in it.
#[derive(Clone, Copy)]
struct Place {
    field: &'static str,
    node: Node,
}

/// Adds the fields of a message of the node's type to an object. Fields that the type doesn't have are passed over.
pub(super) fn message(object: &mut Map<String, Value>, node: Node, bytes: &[u8]) -> Result<(), WireError> {
    match MESSAGES.get(node.component_name()) {
        Some(numbers) => fields(object, node, numbers, bytes),
        None => Ok(()),
    }
}

fn fields(
    object: &mut Map<String, Value>,
    node: Node,
    numbers: &Message,
    bytes: &[u8],
) -> Result<(), WireError> {
    for field in Fields::of(node.type_name(), bytes) {
        let (number, wire) = field?;
        match numbers.get(&number) {
            None => {}
            Some(Field::Inlined(of)) => {
                let bytes = wire.bytes(of)?;
                if let Some(numbers) = MESSAGES.get(of) {
                    fields(object, node, numbers, bytes)?;
                }
            }
            Some(Field::Named { name, pointer }) => {
                let Some(node) = node.field(name) else {
                    continue;
                };
                let before = object.remove(*name).unwrap_or_default();
                let value = value(before, Place { field: name, node }, wire)?;
                let is_set = !value.is_null() && (*pointer || !is_zero(node, &value));
                if is_set {
                    object.insert((*name).to_owned(), value);
                }
            }
        }
    }
    Ok(())
}

/// Whether the value is one that Go takes for none. Messages are told apart by whether they are there.
fn is_zero(node: Node, value: &Value) -> bool {
    let is_message = node.scalar() == Scalar::Any;
    !is_message && (*value == json!("") || *value == json!(0) || *value == json!(false))
}

/// What was at a place before with what is on the wire: lists and maps grow, messages are merged, otherwise the last
/// counts.
fn value(before: Value, place: Place, wire: Wire) -> Result<Value, WireError> {
    let Place { field, node } = place;
    match node.shape() {
        Shape::Scalar => scalar(place, wire),
        Shape::Struct => {
            let mut object = fields_of(before);
            message(&mut object, node, wire.bytes(field)?)?;
            Ok(Value::Object(object))
        }
        Shape::Map(node) => {
            let mut map = fields_of(before);
            let (key, value) = entry(Place { field, node }, wire.bytes(field)?)?;
            map.insert(key, value);
            Ok(Value::Object(map))
        }
        Shape::List(node) => {
            let mut list = match before {
                Value::Array(elements) => elements,
                _ => Vec::new(),
            };
            elements(&mut list, Place { field, node }, wire)?;
            Ok(Value::Array(list))
        }
    }
}

fn fields_of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A map's entry is a message of its key and its value; a value that isn't there is empty.
fn entry(values: Place, bytes: &[u8]) -> Result<(String, Value), WireError> {
    let (mut key, mut value_wire) = (String::new(), Wire::Bytes(&[]));
    for field in Fields::of(values.node.type_name(), bytes) {
        match field? {
            (1, wire) => key = wire.text(values.field)?,
            (2, wire) => value_wire = wire,
            _ => {}
        }
    }
    Ok((key, value(Value::Null, values, value_wire)?))
}

/// One element, or several numbers as one string of bytes.
fn elements(list: &mut Vec<Value>, place: Place, wire: Wire) -> Result<(), WireError> {
    match (place.node.scalar(), wire) {
        (Scalar::Number | Scalar::Boolean, Wire::Bytes(mut packed)) => {
            while !packed.is_empty() {
                let number = varint(&mut packed)?;
                list.push(scalar(place, Wire::Varint(number))?);
            }
        }
        _ => list.push(value(Value::Null, place, wire)?),
    }
    Ok(())
}

/// A value without fields; null if it is a time that isn't set.
fn scalar(place: Place, wire: Wire) -> Result<Value, WireError> {
    let Place { field, node } = place;
    Ok(match (node.scalar(), node.format()) {
        (Scalar::String, Some("byte")) => json!(STANDARD.encode(wire.bytes(field)?)),
        (Scalar::String, _) => json!(wire.text(field)?),
        (Scalar::Boolean, _) => json!(wire.varint(field)? != 0),
        // As Go has it: whatever is above 32 bits is cut off.
        (Scalar::Number, Some("int32")) => json!(wire.varint(field)? as i32),
        (Scalar::Number, _) => json!(wire.varint(field)? as i64),
        (Scalar::Any, _) => {
            let name = node.type_name();
            let fields = Fields::of(name, wire.bytes(field)?);
            match name {
                "Quantity" => quantity(fields)?,
                "IntOrString" => int_or_string(fields)?,
                "Time" => time(fields, 0)?,
                "MicroTime" => time(fields, 6)?,
                "FieldsV1" => fields_v1(fields)?,
                _ => Value::Null,
            }
        }
    })
}

fn quantity(fields: Fields) -> Result<Value, WireError> {
    let mut text = "0".to_owned();
    for field in fields {
        if let (1, wire) = field? {
            text = wire.text("string")?;
        }
    }
    Ok(json!(text))
}

fn int_or_string(fields: Fields) -> Result<Value, WireError> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for field in fields {
        match field? {
            (1, wire) => is_text = wire.varint("type")? == 1,
            (2, wire) => number = wire.varint("intVal")? as i32,
            (3, wire) => text = wire.text("strVal")?,
            _ => {}
        }
    }
    Ok(if is_text { json!(text) } else { json!(number) })
}

/// A time with so many digits below the second; one that says nothing isn't set.
fn time(fields: Fields, digits: usize) -> Result<Value, WireError> {
    let mut is_set = false;
    let (mut seconds, mut nanoseconds) = (0, 0);
    for field in fields {
        is_set = true;
        match field? {
            (1, wire) => seconds = wire.varint("seconds")? as i64,
            (2, wire) => nanoseconds = wire.varint("nanos")? as i32,
            _ => {}
        }
    }
    if !is_set {
        return Ok(Value::Null);
    }
    if digits == 0 {
        nanoseconds = 0;
    }
    let time = Timestamp::new(seconds, nanoseconds).map_err(|_| WireError::Time(seconds))?;
    Ok(json!(format!("{time:.digits$}")))
}

/// JSON as it is.
fn fields_v1(fields: Fields) -> Result<Value, WireError> {
    let mut value = Value::Null;
    for field in fields {
        if let (1, wire) = field? {
            value = serde_json::from_slice(wire.bytes("Raw")?)
                .map_err(|error| WireError::Json(error.to_string()))?;
        }
    }
    Ok(value)
}
