//! `metadata.managedFields`: who owns which fields of an object.

use std::collections::BTreeMap;

use jiff::Timestamp;
use podlab_api::object::Kind;
use serde_json::{Value, json};

use crate::fields::{FieldsError, Set};
use crate::golang::quoted;

/// How many managers an object remembers that have updated it, but for those that have applied.
const MAX_UPDATES: usize = 10;

/// Who stands for managers that aren't remembered one by one.
const ANCIENT: &str = "ancient-changes";

/// Who changes an object, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manager {
    /// The program's name; if it is empty, Kubernetes calls it `unknown`.
    pub name: String,
    /// The subresource that the request is for.
    pub subresource: Option<String>,
}

/// How a manager came to own its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// What tells entries apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) operation: Operation,
    pub(crate) subresource: String,
}

impl Owner {
    pub(crate) fn new(manager: &Manager, operation: Operation) -> Self {
        let name = match &*manager.name {
            "" => "unknown",
            name => name,
        };
        Self {
            name: name.to_owned(),
            operation,
            subresource: manager.subresource.clone().unwrap_or_default(),
        }
    }
}

/// What an owner has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Owned {
    pub(crate) time: Option<Timestamp>,
    pub(crate) fields: Set,
}

/// All owners of an object's fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Managed(pub(crate) BTreeMap<Owner, Owned>);

/// `metadata.managedFields` that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ManagedFieldsError {
    /// It isn't a list of objects.
    #[error("managedFields must be a list of entries")]
    NoList,
    /// An entry has none or another operation.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// An entry doesn't say of which API version its fields are.
    #[error("apiVersion must not be empty")]
    ApiVersion,
    /// An entry doesn't say in which form its fields are.
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    /// The fields are in another form.
    #[error("invalid fieldsType {} in managed fields entry {index}", quoted(fields_type))]
    FieldsType {
        /// Which form.
        fields_type: String,
        /// The entry's place in the list.
        index: usize,
    },
    /// The time can't be read.
    #[error("invalid time in managed fields entry {0}")]
    Time(usize),
    /// The fields can't be read.
    #[error("error decoding set: {0}")]
    Fields(#[from] FieldsError),
}

impl Managed {
    /// Reads the entries. Those of other API versions are passed over: nobody knows their fields any more.
    pub(crate) fn read(entries: &Value, kind: Kind) -> Result<Self, ManagedFieldsError> {
        let entries = match entries {
            Value::Null => &[],
            Value::Array(entries) => entries.as_slice(),
            _ => return Err(ManagedFieldsError::NoList),
        };
        let mut managed = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            let text = |field: &str| entry[field].as_str().unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return Err(ManagedFieldsError::Operation),
            };
            if text("apiVersion").is_empty() {
                return Err(ManagedFieldsError::ApiVersion);
            }
            match text("fieldsType") {
                "FieldsV1" => {}
                "" => return Err(ManagedFieldsError::NoFieldsType(index)),
                fields_type => {
                    let fields_type = fields_type.to_owned();
                    return Err(ManagedFieldsError::FieldsType { fields_type, index });
                }
            }
            let time = match &entry["time"] {
                Value::Null => None,
                time => Some(as_time(time).ok_or(ManagedFieldsError::Time(index))?),
            };
            let fields = match &entry["fieldsV1"] {
                Value::Null => Set::default(),
                fields => Set::from_fields_v1(fields)?,
            };
            if text("apiVersion") == kind.api_version() {
                let owner = Owner {
                    name: text("manager").to_owned(),
                    operation,
                    subresource: text("subresource").to_owned(),
                };
                managed.0.insert(owner, Owned { time, fields });
            }
        }
        Ok(managed)
    }

    /// Writes the entries, the oldest first; nothing if there are none.
    pub(crate) fn write(&self, kind: Kind) -> Option<Value> {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(owner, owned)| (owner.operation, seconds(owned)));
        let entries = entries.into_iter().map(|(owner, owned)| {
            let mut entry = json!({
                "manager": owner.name,
                "operation": owner.operation.as_str(),
                "apiVersion": kind.api_version(),
                "fieldsType": "FieldsV1",
                "fieldsV1": owned.fields.to_fields_v1(),
            });
            if let Some(time) = owned.time {
                entry["time"] = json!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            }
            if !owner.subresource.is_empty() {
                entry["subresource"] = json!(owner.subresource);
            }
            entry
        });
        (!self.0.is_empty()).then(|| entries.collect())
    }

    /// All fields that somebody owns.
    pub(crate) fn all(&self) -> Set {
        let sets = self.0.values().map(|owned| &owned.fields);
        sets.fold(Set::default(), |all, set| all.union(set))
    }

    /// Takes fields from all owners but one, and forgets who has nothing left.
    pub(crate) fn take(&mut self, fields: &Set, but: Option<&Owner>) {
        for (owner, owned) in &mut self.0 {
            if Some(owner) != but {
                owned.fields = owned.fields.difference(fields);
            }
        }
        self.0.retain(|_, owned| !owned.fields.is_empty());
    }

    /// Makes one owner of the oldest updates, if there are too many.
    pub(crate) fn cap(&mut self) {
        let ancient = Owner {
            name: ANCIENT.to_owned(),
            operation: Operation::Update,
            subresource: String::new(),
        };
        let updates = self
            .0
            .iter()
            .filter(|(owner, _)| owner.operation == Operation::Update);
        let mut updates: Vec<_> = updates
            .map(|(owner, owned)| (seconds(owned), owner.clone()))
            .collect();
        let Some(surplus) = updates
            .len()
            .checked_sub(MAX_UPDATES)
            .filter(|surplus| *surplus > 0)
        else {
            return;
        };
        updates.retain(|(_, owner)| *owner != ancient);
        updates.sort();
        let is_new = !self.0.contains_key(&ancient);
        for (_, owner) in updates.into_iter().take(surplus + usize::from(is_new)) {
            if let Some(owned) = self.0.remove(&owner) {
                let bucket = self.0.entry(ancient.clone()).or_default();
                bucket.fields = bucket.fields.union(&owned.fields);
                bucket.time = owned.time;
            }
        }
    }
}

fn seconds(owned: &Owned) -> i64 {
    owned.time.map_or(0, Timestamp::as_second)
}

fn as_time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
