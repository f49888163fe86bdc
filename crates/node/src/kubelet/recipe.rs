//! How the containers of a pod are started: made anew for each start, because what it needs may have changed.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use podlab_control::store::{Shared, name_of};
use podlab_kernel::netns::Netns;
use tokio::sync::watch;

use super::environment::environment;
use super::hostname::Hostname;
use super::program::{program, verify_user};
use super::resolv_conf::resolv_conf;
use super::sources::Sources;
use super::status::Unfit;
use super::volumes::Volumes;
use super::{Node, files};
use crate::images::Input;
use crate::mounts::Root;
use crate::process::{PodNamespaces, Program};

/// When an ended container is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    Always,
    OnFailure,
    Never,
}

impl Restart {
    /// As a pod's restartPolicy says.
    pub(super) fn of(spec: &core::PodSpec) -> Self {
        match spec.restart_policy.as_deref() {
            Some("Never") => Self::Never,
            Some("OnFailure") => Self::OnFailure,
            _ => Self::Always,
        }
    }

    /// For the pod's init containers, which come to an end.
    pub(super) fn of_init(self) -> Self {
        match self {
            Self::Always => Self::OnFailure,
            other => other,
        }
    }
}

/// What the containers of a pod have in common.
pub(super) struct Ground {
    pub(super) node: Arc<Node>,
    /// The pod's newest version.
    pub(super) pod: watch::Receiver<Shared<core::Pod>>,
    pub(super) address: IpAddr,
    pub(super) namespaces: PodNamespaces,
    volumes: Arc<Mutex<Volumes>>,
    names: Hostname,
    hostname: String,
}

/// How one container is started.
pub(super) struct Recipe {
    pub(super) ground: Arc<Ground>,
    pub(super) container: Box<core::Container>,
    pub(super) restart: Restart,
}

/// What a container is started with, this time.
pub(super) struct Start {
    pub(super) program: Program,
    pub(super) input: Input,
    pub(super) root: Root,
}

impl Ground {
    /// For a pod with its network and its volumes.
    pub(super) fn new(
        node: Arc<Node>,
        pod: watch::Receiver<Shared<core::Pod>>,
        netns: Netns,
        address: IpAddr,
        volumes: Arc<Mutex<Volumes>>,
    ) -> Result<Self, Unfit> {
        let now = pod.borrow().clone();
        let names = Hostname::new(&now, &node.name, node.dns.as_ref());
        let as_fqdn = now.spec.as_ref().and_then(|spec| spec.set_hostname_as_fqdn) == Some(true);
        let hostname = names.for_kernel(as_fqdn).map_err(Unfit::pod_sandbox)?;
        let sysctls = sysctls(now.spec.as_ref());
        let namespaces = PodNamespaces::create(netns, &hostname, &sysctls).map_err(Unfit::pod_sandbox)?;
        Ok(Self {
            node,
            pod,
            address,
            namespaces,
            volumes,
            names,
            hostname,
        })
    }
}

impl Recipe {
    /// How long the container has to end by itself when its pod goes on; a probe that ends it may have its own word.
    pub(super) fn grace(&self, probe: Option<&core::Probe>) -> Duration {
        let pod = self.ground.pod.borrow();
        let spec = pod.spec.as_ref();
        let seconds = probe
            .and_then(|probe| probe.termination_grace_period_seconds)
            .or(spec.and_then(|spec| spec.termination_grace_period_seconds))
            .unwrap_or(30);
        Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    }

    /// What the container is started with now.
    ///
    /// # Errors
    /// [`Unfit`]: it can't be started as things are.
    pub(super) fn start(&self) -> Result<Start, Unfit> {
        let Ground {
            node,
            address,
            names,
            hostname,
            ..
        } = &*self.ground;
        let known = self.ground.pod.borrow().clone();
        let name = name_of(&known.metadata);
        // The stored version already knows the pod's address, which the downward API may ask for.
        let stored = node.store.get::<core::Pod>(&name);
        let pod = stored.as_ref().unwrap_or(&known);
        let spec = pod.spec.clone().unwrap_or_default();
        let sources = Sources {
            store: &node.store,
            namespace: &name.namespace,
        };
        let wants_links = spec.enable_service_links != Some(false);
        let links = node.links.of(&node.store, &name.namespace, wants_links);
        let variables = environment(pod, &self.container, links, &sources).map_err(Unfit::config)?;
        let (program, input) = program(&node.images, &spec, &self.container, hostname, &variables)?;
        verify_user(pod, &self.container, &program)?;
        let context = self.container.security_context.as_ref();
        let root = Root {
            etc: vec![
                ("hostname", format!("{hostname}\n")),
                ("hosts", files::hosts(&spec, names, *address)),
                (
                    "resolv.conf",
                    resolv_conf(&spec, &name.namespace, node.dns.as_ref()),
                ),
            ],
            volumes: lock(&self.ground.volumes).mounts(&self.container, &variables)?,
            read_only: context.and_then(|context| context.read_only_root_filesystem) == Some(true),
        };
        Ok(Start { program, input, root })
    }
}

/// Names below `/proc/sys`, and values.
fn sysctls(spec: Option<&core::PodSpec>) -> Vec<(String, String)> {
    let context = spec.and_then(|spec| spec.security_context.as_ref());
    let sysctls = context
        .and_then(|context| context.sysctls.as_ref())
        .into_iter()
        .flatten();
    sysctls
        .map(|sysctl| (sysctl.name.replace('.', "/"), sysctl.value.clone()))
        .collect()
}

pub(super) fn lock(volumes: &Mutex<Volumes>) -> MutexGuard<'_, Volumes> {
    volumes.lock().unwrap_or_else(PoisonError::into_inner)
}
