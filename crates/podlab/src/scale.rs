//! `podlab scale`: how many pods a deployment shall have.

use std::io::{Write, stdout};

use k8s_openapi::api::autoscaling::v1::Scale;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::api::{MANAGER, ask, objects};
use crate::args::Which;
use crate::exit;
use crate::failure::Failure;
use crate::naming::{Named, Within, named, reference};

/// Set how many pods a deployment or replica set of a live cluster has.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which: `deployment web`, `deployment/web`.
    #[arg(required = true, value_name = "KIND|NAME")]
    what: Vec<String>,
    #[command(flatten)]
    within: Within,
    /// How many pods.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    replicas: i32,
    #[command(flatten)]
    which: Which,
}

pub(crate) fn scale(options: &Options) -> u8 {
    ask(&options.which, async |client| {
        let Named::Objects(objects) = named(&options.what).map_err(Failure::Other)? else {
            return Err(Failure::Other("no objects passed to scale".to_owned()));
        };
        let mut code = exit::PASSED;
        for (kind, name) in objects {
            let patch = Patch::Merge(json!({"spec": {"replicas": options.replicas}}));
            let params = PatchParams {
                field_manager: Some(MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let requests = self::objects(kind, Some(&options.within.namespace));
            let request = requests.patch_subresource("scale", &name, &params, &patch)?;
            match client.request::<Scale>(request).await {
                Ok(_) => writeln!(stdout(), "{} scaled", reference(kind, &name))?,
                Err(error) => code = Failure::from(error).say(),
            }
        }
        Ok(code)
    })
}
