//! What a container runs, as whom, and what it may do.

use std::path::PathBuf;

use k8s_openapi::api::core::v1 as core;

use super::environment::expand;
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
    let program = Program {
        argv,
        env: with_runtimes_own(variables, hostname),
        working_dir,
        privileges,
    };
    Ok((program, entry.input))
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
