//! `podlab delete`: removes objects, and waits until they are gone.

use std::io::{Write, stdout};

use kube::Client;
use kube::api::{DeleteParams, WatchParams};
use podlab_api::manifest::Located;
use podlab_api::object::{Kind, Object};
use serde_json::Value;

use crate::api::{self, ask, objects};
use crate::args::Which;
use crate::changes::Changes;
use crate::failure::Failure;
use crate::naming::{Named, Within, named};
use crate::{apply, exit};

/// Delete objects of a live cluster, and wait until they are gone.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which: `pod web`, `pod/web svc/web`, or kinds with -l.
    #[arg(
        value_name = "KIND|NAME",
        required_unless_present = "files",
        conflicts_with = "files"
    )]
    what: Vec<String>,
    /// Those that are in these files; `-` is standard input.
    #[arg(short, long = "filename", value_name = "FILE", conflicts_with = "namespace")]
    files: Vec<String>,
    #[command(flatten)]
    within: Within,
    /// Those of the kinds with these labels.
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "files")]
    selector: Option<String>,
    #[command(flatten)]
    which: Which,
}

/// An object to delete.
struct Doomed {
    kind: Kind,
    namespace: String,
    name: String,
    /// Where it stands.
    file: Option<String>,
}

/// An object that will be gone.
struct Going {
    doomed: Doomed,
    uid: Option<String>,
}

pub(crate) fn delete(options: &Options) -> u8 {
    ask(&options.which, async |client| {
        let Some(all) = options.doomed(&client).await? else {
            return Ok(exit::BAD_INPUT);
        };
        if all.is_empty() {
            writeln!(stdout(), "No resources found")?;
        }
        let mut code = exit::PASSED;
        let mut going = Vec::new();
        for doomed in all {
            match doomed.delete(&client).await {
                Ok(uid) => going.push(Going { doomed, uid }),
                // Somebody else was faster.
                Err(failure) if options.selector.is_some() && failure.is_not_found() => {}
                Err(failure) => {
                    code = match &doomed.file {
                        Some(file) => failure.when("deleting", file).say(),
                        None => failure.say(),
                    };
                }
            }
        }
        for going in going {
            going.wait(&client).await?;
        }
        Ok(code)
    })
}

impl Options {
    /// What is to be deleted; none if the files are wrong, which has been said then.
    async fn doomed(&self, client: &Client) -> Result<Option<Vec<Doomed>>, Failure> {
        if !self.files.is_empty() {
            let objects = apply::read(client, &self.files).await?;
            let doomed = |object: &Located<Object>| {
                let metadata = object.value.metadata();
                Doomed {
                    kind: object.value.kind(),
                    namespace: metadata.namespace.clone().unwrap_or_default(),
                    name: metadata.name.clone().unwrap_or_default(),
                    file: Some(object.source().to_owned()),
                }
            };
            return Ok(objects.map(|objects| objects.iter().map(doomed).collect()));
        }
        let doomed = |kind, name| Doomed {
            kind,
            namespace: self.within.namespace.clone(),
            name,
            file: None,
        };
        match (named(&self.what).map_err(Failure::Other)?, &self.selector) {
            (Named::Objects(objects), None) => Ok(Some(
                objects
                    .into_iter()
                    .map(|(kind, name)| doomed(kind, name))
                    .collect(),
            )),
            (Named::Objects(_), Some(_)) => Err(Failure::Other(
                "name cannot be provided when a selector is specified".to_owned(),
            )),
            (Named::Kinds(_), None) => Err(Failure::Other(
                "resource(s) were provided, but no name was specified".to_owned(),
            )),
            (Named::Kinds(kinds), Some(selector)) => {
                let mut all = Vec::new();
                for kind in kinds {
                    let namespace = Some(&*self.within.namespace);
                    for object in api::list(client, kind, namespace, Some(selector)).await? {
                        let name = object["metadata"]["name"].as_str().unwrap_or_default();
                        all.push(doomed(kind, name.to_owned()));
                    }
                }
                Ok(Some(all))
            }
        }
    }
}

impl Doomed {
    /// Has it deleted; its UID.
    async fn delete(&self, client: &Client) -> Result<Option<String>, Failure> {
        let Self {
            kind,
            namespace,
            name,
            ..
        } = self;
        let request = objects(*kind, Some(namespace)).delete(name, &DeleteParams::background())?;
        let answer: Value = client.request(request).await?;
        let from = match kind.namespaced() {
            true => format!(" from {namespace} namespace"),
            false => String::new(),
        };
        writeln!(
            stdout(),
            "{} {name:?} deleted{from}",
            kind.qualified_kind().to_lowercase()
        )?;
        // The object, or a Status.
        let uid = answer["metadata"]["uid"]
            .as_str()
            .or(answer["details"]["uid"].as_str());
        Ok(uid.map(str::to_owned))
    }
}

impl Going {
    /// Waits until it is gone; another of the same name may have come.
    async fn wait(&self, client: &Client) -> Result<(), Failure> {
        let Doomed {
            kind,
            namespace,
            name,
            ..
        } = &self.doomed;
        loop {
            let there = match api::get::<Value>(client, *kind, namespace, name).await {
                Ok(there) => there,
                Err(failure) if failure.is_not_found() => return Ok(()),
                Err(failure) => return Err(failure),
            };
            if self.uid.is_some() && there["metadata"]["uid"].as_str() != self.uid.as_deref() {
                return Ok(());
            }
            let version = there["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            let params = WatchParams::default().fields(&format!("metadata.name={name}"));
            let request = objects(*kind, Some(namespace)).watch(&params, version)?;
            let mut changes = Changes::ask(client, request).await?;
            while let Some(change) = changes.next::<Value>().await? {
                if change.type_ == "DELETED" {
                    break;
                }
            }
        }
    }
}
