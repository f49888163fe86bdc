//! The tables that kubectl prints, made from typed objects: meta.k8s.io/v1 `Table`, with Kubernetes' columns and cells.

mod endpoints;
mod event;
mod node;
mod pod;
mod service;
mod short;
mod text;
mod workload;

use std::borrow::Cow;
use std::str::FromStr;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, Event, Namespace, Node, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{NetworkPolicy, ServiceCIDR};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ListMeta, ObjectMeta};
use podlab_api::object::{Kind, Object};
use serde::Serialize;

pub use text::since;

pub(crate) use text::selector as selector_text;

const API_VERSION: &str = "meta.k8s.io/v1";

/// What a client that asks for a table is answered with: `Table` of meta.k8s.io/v1, as it is serialized.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Table<'a> {
    kind: &'static str,
    api_version: &'static str,
    /// Of the list, or the version of the one object.
    pub metadata: ListMeta,
    /// One for each cell of a row; none where the client has been told already.
    pub column_definitions: Option<&'static [Column]>,
    /// One for each object.
    pub rows: Vec<Row<'a>>,
}

/// A column: `TableColumnDefinition`.
#[derive(Debug, Serialize)]
pub struct Column {
    /// Its heading, which kubectl writes in capitals.
    pub name: &'static str,
    /// `string` or `integer`.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// `name` if the cells name the objects, otherwise empty.
    pub format: &'static str,
    /// What its cells tell.
    pub description: &'static str,
    /// 0, or 1 if only wide output has the column.
    pub priority: i32,
}

/// What is shown of an object: `TableRow`.
#[derive(Debug, Serialize)]
pub struct Row<'a> {
    /// One for each column.
    pub cells: Vec<Cell<'a>>,
    /// Of a pod that has ended.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub conditions: &'static [RowCondition],
    /// The object that the row shows, as much of it as was asked for.
    pub object: RowObject<'a>,
}

/// What is said of a whole row: `TableRowCondition`.
#[derive(Debug, Serialize)]
pub struct RowCondition {
    /// `Completed`: it will not change any more.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// `True`.
    pub status: &'static str,
    /// Why, in a word.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub message: &'static str,
}

/// A text or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Cell<'a> {
    Text(Cow<'a, str>),
    Number(i64),
}

/// The object of a row, as it is serialized.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum RowObject<'a> {
    /// Nothing of it: `null`.
    None,
    /// A `PartialObjectMetadata` of meta.k8s.io/v1.
    #[serde(rename_all = "camelCase")]
    Metadata {
        /// `PartialObjectMetadata`.
        kind: &'static str,
        /// `meta.k8s.io/v1`.
        api_version: &'static str,
        /// The object's own metadata.
        metadata: &'a ObjectMeta,
    },
    /// All of it.
    Object(&'a Object),
    /// All of it.
    Scale(&'a Scale),
}

/// What a client wants in a table: `TableOptions` of meta.k8s.io/v1.
#[derive(Debug, Clone, Copy, Default)]
pub struct TableOptions {
    /// Leaves the column definitions out. In a watch only the first event has them, be it a bookmark.
    pub no_headers: bool,
    /// How much of each object is in its row.
    pub include_object: IncludeObject,
}

/// How much of an object is in its row: the parameter `includeObject`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IncludeObject {
    None,
    #[default]
    Metadata,
    Object,
}

/// A parameter `includeObject` that is none; the text is that of the API's answer `BadRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Unable to convert to Table as requested: includeObject: Invalid value: {0:?}: must be 'Metadata', 'Object', 'None', or empty"
)]
pub struct UnknownIncludeObject(String);

impl FromStr for IncludeObject {
    type Err = UnknownIncludeObject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "None" => Ok(Self::None),
            "" | "Metadata" => Ok(Self::Metadata),
            "Object" => Ok(Self::Object),
            _ => Err(UnknownIncludeObject(text.to_owned())),
        }
    }
}

impl<'a> Table<'a> {
    /// A list of objects of one kind, whose metadata is `metadata`. `now` is what ages are counted to.
    pub fn of_list(
        kind: Kind,
        objects: impl IntoIterator<Item = &'a Object>,
        metadata: ListMeta,
        options: TableOptions,
        now: Timestamp,
    ) -> Self {
        let rows = objects.into_iter().map(|object| Row {
            cells: cells_of(object, now),
            conditions: match object {
                Object::Pod(pod) => pod::conditions(pod),
                _ => &[],
            },
            object: RowObject::of(object.metadata(), RowObject::Object(object), options),
        });
        Self::new(columns_of(kind), rows.collect(), metadata, options)
    }

    /// One object, as it is read, written or watched. A bookmark is an object, too, see [`Object::of_metadata`].
    pub fn of_object(object: &'a Object, options: TableOptions, now: Timestamp) -> Self {
        let metadata = version(object.metadata());
        Self::of_list(object.kind(), [object], metadata, options, now)
    }

    /// The subresource `scale` of a Deployment or ReplicaSet.
    pub fn of_scale(scale: &'a Scale, options: TableOptions, now: Timestamp) -> Self {
        let row = Row {
            cells: scale.cells(now),
            conditions: &[],
            object: RowObject::of(&scale.metadata, RowObject::Scale(scale), options),
        };
        Self::new(Scale::COLUMNS, vec![row], version(&scale.metadata), options)
    }

    fn new(
        columns: &'static [Column],
        rows: Vec<Row<'a>>,
        metadata: ListMeta,
        options: TableOptions,
    ) -> Self {
        Self {
            kind: "Table",
            api_version: API_VERSION,
            metadata,
            column_definitions: (!options.no_headers).then_some(columns),
            rows,
        }
    }
}

impl<'a> RowObject<'a> {
    fn of(metadata: &'a ObjectMeta, whole: Self, options: TableOptions) -> Self {
        match options.include_object {
            IncludeObject::None => Self::None,
            IncludeObject::Metadata => Self::Metadata {
                kind: "PartialObjectMetadata",
                api_version: API_VERSION,
                metadata,
            },
            IncludeObject::Object => whole,
        }
    }
}

fn version(metadata: &ObjectMeta) -> ListMeta {
    ListMeta {
        resource_version: metadata.resource_version.clone(),
        ..ListMeta::default()
    }
}

/// What objects of a kind show of themselves.
trait Printed {
    const COLUMNS: &'static [Column];

    /// One for each column.
    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>>;
}

fn columns_of(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::ConfigMap => ConfigMap::COLUMNS,
        Kind::Deployment => Deployment::COLUMNS,
        Kind::EndpointSlice => EndpointSlice::COLUMNS,
        Kind::Endpoints => Endpoints::COLUMNS,
        Kind::Event => Event::COLUMNS,
        Kind::Lease => Lease::COLUMNS,
        Kind::Namespace => Namespace::COLUMNS,
        Kind::NetworkPolicy => NetworkPolicy::COLUMNS,
        Kind::Node => Node::COLUMNS,
        Kind::Pod => Pod::COLUMNS,
        Kind::ReplicaSet => ReplicaSet::COLUMNS,
        Kind::Secret => Secret::COLUMNS,
        Kind::Service => Service::COLUMNS,
        Kind::ServiceAccount => ServiceAccount::COLUMNS,
        Kind::ServiceCIDR => ServiceCIDR::COLUMNS,
    }
}

fn cells_of(object: &Object, now: Timestamp) -> Vec<Cell<'_>> {
    match object {
        Object::ConfigMap(object) => object.cells(now),
        Object::Deployment(object) => object.cells(now),
        Object::EndpointSlice(object) => object.cells(now),
        Object::Endpoints(object) => object.cells(now),
        Object::Event(object) => object.cells(now),
        Object::Lease(object) => object.cells(now),
        Object::Namespace(object) => object.cells(now),
        Object::NetworkPolicy(object) => object.cells(now),
        Object::Node(object) => object.cells(now),
        Object::Pod(object) => object.cells(now),
        Object::ReplicaSet(object) => object.cells(now),
        Object::Secret(object) => object.cells(now),
        Object::Service(object) => object.cells(now),
        Object::ServiceAccount(object) => object.cells(now),
        Object::ServiceCIDR(object) => object.cells(now),
    }
}

const NAME: Column = Column {
    format: "name",
    ..Column::text("Name", "The object's name, unique in its namespace.")
};
const AGE: Column = Column::text("Age", "The time since the object was created.");
const CONTAINERS: Column = Column::text("Containers", "The names of the template's containers.").wide();
const IMAGES: Column = Column::text("Images", "The images of the template's containers.").wide();
const SELECTOR: Column = Column::text("Selector", "The labels by which its pods are found.").wide();

impl Column {
    const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            type_: "string",
            format: "",
            description,
            priority: 0,
        }
    }

    const fn number(name: &'static str, description: &'static str) -> Self {
        Self {
            type_: "integer",
            ..Self::text(name, description)
        }
    }

    /// The same, for wide output only.
    const fn wide(self) -> Self {
        Self { priority: 1, ..self }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i32> for Cell<'_> {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Cell<'_> {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// Cells of whatever can be one.
macro_rules! cells {
    ($($cell:expr),+ $(,)?) => { vec![$($crate::table::Cell::from($cell)),+] };
}
use cells;

#[cfg(test)]
mod tests;
