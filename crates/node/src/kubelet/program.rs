//! What a container runs, as whom, and what it may do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::api::core::v1 as core;

use super::environment::expand;
use super::status::Unfit;
use crate::images::{EntryPoint, Images};
use crate::privileges::Privileges;
use crate::process::Program;

/// What a container runs: its `command`, or what stands for its image; `args` after it; `$(NAME)` replaced.
pub(super) fn program(
    images: &Images,
    spec: &core::PodSpec,
    container: &core::Container,
    env: Vec<(String, String)>,
) -> Result<Program, Unfit> {
    let command = container.command.clone().filter(|command| !command.is_empty());
    let entry = match command {
        Some(argv) => EntryPoint::new(argv),
        None => images
            .entry_point(container.image.as_deref().unwrap_or_default())
            .map_err(Unfit::image)?,
    };
    let variables: BTreeMap<_, _> = env.iter().cloned().collect();
    let arguments = container
        .args
        .iter()
        .flatten()
        .map(|argument| expand(argument, &variables));
    let argv = entry
        .argv
        .iter()
        .map(|argument| expand(argument, &variables))
        .chain(arguments)
        .collect();
    let (pod_context, context) = (
        spec.security_context.as_ref(),
        container.security_context.as_ref(),
    );
    let number = |of_container: Option<i64>, of_pod: Option<i64>| {
        of_container
            .or(of_pod)
            .and_then(|number| u32::try_from(number).ok())
    };
    let user = number(
        context.and_then(|it| it.run_as_user),
        pod_context.and_then(|it| it.run_as_user),
    )
    .or(entry.user)
    .unwrap_or(0);
    let group = number(
        context.and_then(|it| it.run_as_group),
        pod_context.and_then(|it| it.run_as_group),
    );
    let capabilities = context
        .and_then(|context| context.capabilities.clone())
        .unwrap_or_default();
    let mut privileges = Privileges::new(user, group.unwrap_or(user)).with(
        &capabilities.add.unwrap_or_default(),
        &capabilities.drop.unwrap_or_default(),
    );
    if context.and_then(|context| context.privileged) == Some(true) {
        privileges = privileges.privileged();
    }
    let working_dir = PathBuf::from(container.working_dir.as_deref().unwrap_or("/"));
    Ok(Program {
        argv,
        env,
        working_dir,
        privileges,
        input: entry.input,
    })
}
