//! What a container runs, as whom, and what it may do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::api::core::v1 as core;

use super::environment::expand;
use super::status::Unfit;
use crate::images::{EntryPoint, Images};
use crate::privileges::Privileges;
use crate::process::Program;

/// Where programs are looked up when the manifest sets no PATH: what images commonly have.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a container runs: its `command`, or what stands for its image; `args` after it; `$(NAME)` replaced.
pub(super) fn program(
    images: &Images,
    spec: &core::PodSpec,
    container: &core::Container,
    hostname: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Program, Unfit> {
    let command = container.command.clone().filter(|command| !command.is_empty());
    let entry = match command {
        Some(argv) => EntryPoint { argv, user: None },
        None => images
            .entry_point(container.image.as_deref().unwrap_or_default())
            .map_err(Unfit::image)?,
    };
    let arguments = container
        .args
        .iter()
        .flatten()
        .map(|argument| expand(argument, variables));
    let argv = entry
        .argv
        .iter()
        .map(|argument| expand(argument, variables))
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
        env: with_runtimes_own(variables, hostname),
        working_dir,
        privileges,
    })
}

/// What a container runtime adds; Kubernetes doesn't know of it, so `$(PATH)` is not replaced.
fn with_runtimes_own(variables: &BTreeMap<String, String>, hostname: &str) -> Vec<(String, String)> {
    let own = [("HOME", "/root"), ("HOSTNAME", hostname), ("PATH", PATH)];
    let mut all: BTreeMap<_, _> = own
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    all.extend(variables.clone());
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_kubernetes_variables_are_replaced_and_they_win_over_the_runtimes() {
        let container: core::Container = serde_json::from_value(json!({
            "name": "main", "command": ["$(A)"], "args": ["$(A) $(HOSTNAME) $(PATH)"],
        }))
        .unwrap();
        let variables =
            [("A", "1"), ("HOME", "/home")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let images = Images::new(Vec::new(), |_| None);
        let spec = core::PodSpec::default();
        let program = program(&images, &spec, &container, "web-0", &variables.into()).unwrap();
        assert_eq!(program.argv, ["1", "1 $(HOSTNAME) $(PATH)"]);
        let expected = [
            ("A", "1"),
            ("HOME", "/home"),
            ("HOSTNAME", "web-0"),
            ("PATH", PATH),
        ];
        assert_eq!(
            program.env,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
