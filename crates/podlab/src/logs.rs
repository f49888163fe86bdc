//! `podlab logs`: what a container wrote.

use std::io::{Write, stdout};

use futures::AsyncBufReadExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

use crate::api::ask;
use crate::args::Which;
use crate::naming::Within;
use crate::{exit, target};

/// Print what a container of a live cluster wrote.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A pod, or `KIND/NAME` for one of its pods.
    #[arg(value_name = "POD|KIND/NAME")]
    target: String,
    #[command(flatten)]
    within: Within,
    /// The container, if not the first one.
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,
    /// Go on with what it writes, until it ends.
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines, if not all.
    #[arg(long, value_name = "LINES", allow_negative_numbers = true)]
    tail: Option<i64>,
    /// What the container wrote before it was started anew.
    #[arg(short, long)]
    previous: bool,
    #[command(flatten)]
    which: Which,
}

pub(crate) fn logs(options: &Options) -> u8 {
    ask(&options.which, async |client| {
        let namespace = &options.within.namespace;
        let target = target::find(&client, namespace, &options.target).await?;
        let name = target.pod.metadata.name.clone().unwrap_or_default();
        if target.among > 1 {
            say!("Found {} pods, using pod/{name}", target.among);
        }
        let params = LogParams {
            container: target::container(&target.pod, options.container.as_deref())?,
            follow: options.follow,
            previous: options.previous,
            // All, in kubectl's words.
            tail_lines: options.tail.filter(|lines| *lines != -1),
            ..LogParams::default()
        };
        let pods: Api<Pod> = Api::namespaced(client, namespace);
        let mut log = Box::pin(pods.log_stream(&name, &params).await?);
        loop {
            let bytes = log.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(exit::PASSED);
            }
            let length = bytes.len();
            let mut stdout = stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()?;
            log.consume_unpin(length);
        }
    })
}
