//! Whole objects: as YAML or JSON, or nothing but their names.

use std::io::{Write, stdout};

use kube::Client;
use podlab_api::object::Kind;
use serde_json::{Value, json};

use super::{Options, Output, Place, conclude};
use crate::changes::Changes;
use crate::failure::Failure;
use crate::naming::reference;
use crate::{api, exit, forms};

/// Prints what there is at places, and then what couldn't be had.
pub(super) async fn print(
    options: &Options,
    client: &Client,
    places: &[Place],
    output: Output,
) -> Result<u8, Failure> {
    let mut objects: Vec<(Kind, Value)> = Vec::new();
    let mut failures = Vec::new();
    for place in places {
        match fetch(options, client, place).await {
            Ok(found) => objects.extend(found.objects.into_iter().map(|object| (place.kind, object))),
            Err(failure) => failures.push(failure),
        }
    }
    let names = output == Output::Name;
    let single = matches!(places, [Place { name: Some(_), .. }]);
    let text = match (&*objects, single) {
        (objects, _) if names => objects.iter().map(|(kind, object)| name(*kind, object)).collect(),
        ([], true) => String::new(),
        ([(_, object)], true) => text(object, output)?,
        (objects, _) => {
            let items: Vec<&Value> = objects.iter().map(|(_, object)| object).collect();
            let list = json!({
                "apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items,
            });
            text(&list, output)?
        }
    };
    stdout().write_all(text.as_bytes())?;
    Ok(conclude(&failures))
}

/// Prints what there is, and each object that changes as it is then.
pub(super) async fn follow(
    options: &Options,
    client: &Client,
    place: &Place,
    output: Output,
) -> Result<u8, Failure> {
    let mut documents = 0;
    let mut show = |object: &Value| -> Result<(), Failure> {
        let text = match output {
            Output::Name => name(place.kind, object),
            _ => text(object, output)?,
        };
        documents += 1;
        let separator = if output == Output::Yaml && documents > 1 {
            "---\n"
        } else {
            ""
        };
        Ok(write!(stdout(), "{separator}{text}")?)
    };
    let found = fetch(options, client, place).await?;
    found.objects.iter().try_for_each(&mut show)?;
    let mut changes = Changes::ask(client, options.changes(place, &found.version)?).await?;
    while let Some(change) = changes.next().await? {
        show(&without_owners(change.object))?;
    }
    Ok(exit::PASSED)
}

struct Found {
    version: String,
    objects: Vec<Value>,
}

async fn fetch(options: &Options, client: &Client, place: &Place) -> Result<Found, Failure> {
    let answer: Value = client.request(options.request(place)?).await?;
    let version = answer["metadata"]["resourceVersion"].as_str();
    Ok(Found {
        version: version.unwrap_or_default().to_owned(),
        objects: match place.name {
            Some(_) => vec![without_owners(answer)],
            None => api::items(place.kind, answer)
                .into_iter()
                .map(without_owners)
                .collect(),
        },
    })
}

/// Without what only servers look at.
fn without_owners(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    object
}

fn text(object: &Value, output: Output) -> Result<String, Failure> {
    match output {
        Output::Yaml => forms::yaml(object),
        _ => Ok(forms::json(object)? + "\n"),
    }
}

fn name(kind: Kind, object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    reference(kind, name) + "\n"
}
