//! What a cluster is built from: what files say, checked against this machine.

use podlab_api::manifest::{Located, Reading};
use podlab_api::object::Object;
use podlab_api::steps::Scenario;
use podlab_apiserver::in_process;
use podlab_cluster::machine::Machine;
use podlab_cluster::{Cluster, ClusterError, Options};
use podlab_control::registry::Registry;
use podlab_control::store::name_of;
use podlab_kernel::nft::find_program;
use podlab_node::images::Images;

use crate::api::MANAGER;
use crate::configuration::configuration;
use crate::{exit, input, preflight, workload};

/// What files say, and what runs in place of images.
pub(crate) struct Blueprint {
    pub(crate) reading: Reading,
    pub(crate) scenario: Scenario,
    images: Images,
}

impl Blueprint {
    /// Reads files; none when they are wrong, which it has said then.
    pub(crate) fn read(files: &[String]) -> Option<Self> {
        let reading = input::understand(files, false)?;
        let scenario = reading
            .scenario
            .clone()
            .unwrap_or_else(|| Scenario::without_steps("manifests".to_owned()));
        let images = Images::new(scenario.programs.clone(), workload::built_in);
        Some(Self {
            reading,
            scenario,
            images,
        })
    }

    /// Why this machine can't run the scenario, in which case that isn't its failure.
    pub(crate) fn lacks(&self) -> Option<String> {
        preflight::lacks(&self.scenario.requires)
    }

    /// Checks all that can be known before anything is built.
    ///
    /// # Errors
    /// The exit code, after it has said what is wrong.
    pub(crate) fn check(&self) -> Result<(), u8> {
        let mut problems = preflight::unknown_images(&self.reading, &self.images);
        match preflight::refused(&self.reading.objects, &self.scenario) {
            Ok(refused) => problems.extend(refused),
            Err(error) => {
                say!("error: {error}");
                return Err(exit::BAD_INPUT);
            }
        }
        if !problems.is_empty() {
            input::complain(&problems);
            return Err(exit::BAD_INPUT);
        }
        let size = preflight::size(&self.reading.objects, &self.scenario);
        if let Err(error) = preflight::fits_its_node(size, &self.scenario) {
            say!("error: {error}");
            return Err(exit::BAD_INPUT);
        }
        if let Err(error) = Machine::here().has_room(size) {
            return Err(exit::cannot(&error.to_string()));
        }
        if find_program("nft").is_none() {
            return Err(exit::cannot(
                "nft isn't installed: it comes with the package nftables (sudo apt-get install nftables)",
            ));
        }
        Ok(())
    }

    /// Builds the network, and creates all objects: by `create`, in an order in which they find each other. Must be
    /// called in the sandbox.
    ///
    /// # Errors
    /// What the kernel or the control plane refused.
    pub(crate) async fn build(&self, create: Create) -> Result<Cluster, String> {
        let options = Options {
            service_cidr: self.scenario.service_cidr,
            pod_cidr: self.scenario.pod_cidr,
            node_cidr_mask_size: self.scenario.node_cidr_mask_size,
            upstream_nameserver: self.scenario.upstream_nameserver,
            images: self.images.clone(),
        };
        let cluster = Cluster::start(options)
            .await
            .map_err(|error: ClusterError| error.to_string())?;
        for object in preflight::in_order(&self.reading.objects) {
            create(cluster.registry(), object)?;
        }
        Ok(cluster)
    }
}

/// How an object comes into a cluster.
pub(crate) type Create = fn(&Registry, &Located<Object>) -> Result<(), String>;

/// At once.
pub(crate) fn create(registry: &Registry, object: &Located<Object>) -> Result<(), String> {
    let applied = registry.apply(object.value.clone());
    applied.map(drop).map_err(|error| error.to_string())
}

/// As `podlab apply` does, for clusters whose clients will apply more.
pub(crate) fn apply(registry: &Registry, object: &Located<Object>) -> Result<(), String> {
    let metadata = object.value.metadata();
    if metadata.name.as_deref().unwrap_or_default().is_empty() {
        // Its name is made when it is created, and nobody can apply it again.
        return create(registry, object);
    }
    let (kind, name) = (object.value.kind(), name_of(metadata));
    let applied = in_process::apply(registry, kind, name, &configuration(object), MANAGER);
    applied.map_err(|error| error.to_string())
}
