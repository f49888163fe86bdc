//! `podlab apply`: makes objects as files say, by server-side apply.

mod takeover;

use std::io::{Write, stdout};

use kube::Client;
use kube::api::{Patch, PatchParams};
use podlab_api::limits::Unenforced;
use podlab_api::manifest::{Located, read_objects};
use podlab_api::object::Object;
use serde_json::Value;

use crate::api::{self, MANAGER, ask, objects};
use crate::args::Which;
use crate::configuration::configuration;
use crate::failure::Failure;
use crate::input::{accept, sources};
use crate::naming::reference;
use crate::preflight::in_order;
use crate::{exit, signals};

use takeover::takeover;

/// Make objects of a live cluster as files say.
///
/// Exit codes: 0 they are so, 1 the cluster refused some, 2 the input is wrong and nothing was changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Files of Kubernetes manifests, as YAML or JSON; `-` is standard input. A Scenario is passed over.
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    files: Vec<String>,
    #[command(flatten)]
    which: Which,
}

pub(crate) fn apply(options: &Options) -> u8 {
    ask(&options.which, async |client| {
        let Some(objects) = read(&client, &options.files).await? else {
            return Ok(exit::BAD_INPUT);
        };
        if objects.is_empty() {
            return Err(Failure::Other("no objects passed to apply".to_owned()));
        }
        signals::leaves_behind("what it has told of is done");
        let mut code = exit::PASSED;
        for object in in_order(&objects) {
            if let Err(failure) = apply_one(&client, object).await {
                code = failure.when("applying", object.source()).say();
            }
        }
        Ok(code)
    })
}

/// Reads files for a cluster; none when they are wrong, which it has said then.
pub(crate) async fn read(client: &Client, files: &[String]) -> Result<Option<Vec<Located<Object>>>, Failure> {
    let Some(sources) = sources(files) else {
        return Ok(None);
    };
    let namespaces = api::namespaces(client).await?;
    let nodes = api::nodes(client).await?;
    let reading = read_objects(&sources, namespaces).on_nodes(&Unenforced::of_nodes(&nodes), &sources);
    let reading = accept(reading, false);
    Ok(reading.map(|reading| reading.objects))
}

async fn apply_one(client: &Client, object: &Located<Object>) -> Result<(), Failure> {
    let (kind, metadata) = (object.value.kind(), object.value.metadata());
    let Some(name) = metadata.name.as_deref().filter(|name| !name.is_empty()) else {
        let prefix = metadata.generate_name.as_deref().unwrap_or_default();
        return Err(Failure::Other(format!(
            "from {prefix}: cannot use generate name with apply"
        )));
    };
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let before = match api::get::<Value>(client, kind, namespace, name).await {
        Ok(object) => Some(object),
        Err(failure) if failure.is_not_found() => None,
        Err(failure) => return Err(failure),
    };
    let requests = objects(kind, Some(namespace));
    if let Some(patch) = before.as_ref().and_then(takeover) {
        let request = requests.patch(name, &PatchParams::default(), &Patch::Merge(patch))?;
        client.request::<Value>(request).await?;
    }
    let params = PatchParams::apply(MANAGER).force();
    let request = requests.patch(name, &params, &Patch::Apply(configuration(object)))?;
    let after: Value = client.request(request).await?;
    let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
    let done = match before {
        None => "created",
        Some(before) if version(&before) == version(&after) => "unchanged",
        Some(_) => "configured",
    };
    writeln!(stdout(), "{} {done}", reference(kind, name))?;
    Ok(())
}
