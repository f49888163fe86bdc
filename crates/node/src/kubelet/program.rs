//! What a container runs, as whom, and what it may do.

use std::path::PathBuf;

use k8s_openapi::api::core::v1 as core;

use super::environment::expand;
use super::events::told;
use super::status::Unfit;
use crate::images::{EntryPoint, Images, Input};
use crate::privileges::Privileges;
use crate::process::Program;
use crate::variables::Variables;

/// Where programs are looked up when the manifest sets no PATH: what images commonly have.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a container runs and reads: its `command`, or what stands for its image; `args` after it. `$(NAME)` is replaced
/// in what the manifest says, not in what an image says.
pub(super) fn program(
    images: &Images,
    spec: &core::PodSpec,
    container: &core::Container,
    hostname: &str,
    variables: &Variables,
) -> Result<(Program, Input), Unfit> {
    let expanded = |words: &[String]| {
        words
            .iter()
            .map(|word| expand(word, variables))
            .collect::<Vec<_>>()
    };
    let entry = match container.command.as_deref() {
        Some(command @ [_, ..]) => EntryPoint::new(expanded(command)),
        _ => images
            .entry_point(container.image.as_deref().unwrap_or_default())
            .map_err(Unfit::image)?,
    };
    let argv = [
        entry.argv,
        expanded(container.args.as_deref().unwrap_or_default()),
    ]
    .concat();
    let privileges = privileges(spec, container, entry.user);
    let working_dir = PathBuf::from(container.working_dir.as_deref().unwrap_or("/"));
    let program = Program {
        argv,
        env: with_runtimes_own(variables, hostname),
        working_dir,
        privileges,
        group: None,
    };
    Ok((program, entry.input))
}

/// As whom a container runs, and what it may do; `of_image` is the user that its image has.
fn privileges(spec: &core::PodSpec, container: &core::Container, of_image: Option<u32>) -> Privileges {
    let number = |number: i64| u32::try_from(number).ok();
    let of_pod = spec.security_context.clone().unwrap_or_default();
    let context = container.security_context.clone().unwrap_or_default();
    let user = context.run_as_user.or(of_pod.run_as_user).and_then(number);
    let user = user.or(of_image).unwrap_or(0);
    let group = context.run_as_group.or(of_pod.run_as_group).and_then(number);
    let groups = of_pod
        .supplemental_groups
        .into_iter()
        .flatten()
        .chain(of_pod.fs_group);
    let privileges = Privileges::new(user, group.unwrap_or(user)).in_groups(groups.filter_map(number));
    if context.privileged == Some(true) {
        return privileges.privileged();
    }
    let capabilities = context.capabilities.unwrap_or_default();
    privileges.with(
        &capabilities.add.unwrap_or_default(),
        &capabilities.drop.unwrap_or_default(),
    )
}

/// Whether a container runs as somebody whom its `runAsNonRoot` allows.
pub(super) fn verify_user(
    pod: &core::Pod,
    container: &core::Container,
    program: &Program,
) -> Result<(), Unfit> {
    let spec = pod.spec.as_ref();
    let of_pod = spec
        .and_then(|spec| spec.security_context.clone())
        .unwrap_or_default();
    let context = container.security_context.clone().unwrap_or_default();
    if context.run_as_non_root.or(of_pod.run_as_non_root) != Some(true) || program.privileges.user != 0 {
        return Ok(());
    }
    let why = match context.run_as_user.or(of_pod.run_as_user) {
        Some(_) => "container's runAsUser breaks non-root policy",
        None => "container has runAsNonRoot and image will run as root",
    };
    let (pod, name) = (told(pod), &container.name);
    Err(Unfit::config(format!("{why} (pod: {pod:?}, container: {name})")))
}

/// What a container runtime adds; Kubernetes doesn't know of it, so `$(PATH)` is not replaced.
fn with_runtimes_own(variables: &Variables, hostname: &str) -> Variables {
    let mut all = variables.clone();
    for (name, value) in [("HOME", "/root"), ("HOSTNAME", hostname), ("PATH", PATH)] {
        all.or_insert(name, value);
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::images::Workload;

    fn started(container: serde_json::Value, variables: &[(&str, &str)]) -> Program {
        let images = Images::new(Vec::new(), |_| {
            Some(Workload {
                arguments: vec!["$(A)".to_owned()],
                input: Input::Nothing,
            })
        });
        let container = serde_json::from_value(container).unwrap();
        let spec = core::PodSpec::default();
        program(&images, &spec, &container, "web-0", &owned(variables))
            .unwrap()
            .0
    }

    fn owned(variables: &[(&str, &str)]) -> Variables {
        let variables = variables.iter();
        let owned = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Variables::from(owned.collect::<std::collections::BTreeMap<_, _>>())
    }

    #[test]
    fn only_kubernetes_variables_are_replaced() {
        let container = json!({"name": "main", "command": ["$(A)"], "args": ["$(A) $(HOSTNAME) $(PATH)"]});
        assert_eq!(
            started(container, &[("A", "1")]).argv,
            ["1", "1 $(HOSTNAME) $(PATH)"]
        );
    }

    #[test]
    fn an_image_starts_with_its_own_words() {
        let container = json!({"name": "main", "image": "any", "command": [], "args": ["$(A)"]});
        assert_eq!(started(container, &[("A", "1")]).argv[2..], ["$(A)", "1"]);
    }

    #[test]
    fn the_manifests_variables_win_over_the_runtimes() {
        let container = json!({"name": "main", "command": ["true"]});
        let expected = [
            ("A", "1"),
            ("HOME", "/home"),
            ("HOSTNAME", "web-0"),
            ("PATH", PATH),
        ];
        assert_eq!(
            started(container, &[("HOME", "/home"), ("A", "1")]).env,
            owned(&expected)
        );
    }
}
