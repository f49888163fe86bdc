//! What is checked after the input is understood and before anything is built: whether every image has a program,
//! every address can be had, and this machine has what is needed.

use std::path::Path;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use podlab_api::diagnostic::Diagnostic;
use podlab_api::manifest::{Located, Reading};
use podlab_api::object::{Object, pod_spec};
use podlab_api::steps::Scenario;
use podlab_cluster::machine::Size;
use podlab_cluster::{dns, room};
use podlab_control::registry::{ApiError, Registry, RegistryOptions};
use podlab_control::store::Store;
use podlab_kernel::nft::find_program;
use podlab_node::images::Images;

/// Objects in the order in which they are created: namespaces before what is in them, services before the pods that
/// are told of them.
pub(crate) fn in_order(objects: &[Located<Object>]) -> Vec<&Located<Object>> {
    let mut ordered: Vec<_> = objects.iter().collect();
    ordered.sort_by_key(|object| match object.value {
        Object::Namespace(_) | Object::ServiceCIDR(_) => 0,
        Object::Service(_) => 1,
        _ => 2,
    });
    ordered
}

/// Images that no program of this machine stands for.
pub(crate) fn unknown_images(reading: &Reading, images: &Images) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for object in reading.objects.iter().chain(&reading.applied) {
        let Some((path, spec)) = pod_spec(&object.value) else {
            continue;
        };
        for (index, container) in spec.containers.iter().enumerate() {
            // With a command of its own, a container doesn't need its image.
            if container
                .command
                .as_ref()
                .is_some_and(|command| !command.is_empty())
            {
                continue;
            }
            let image = container.image.as_deref().unwrap_or_default();
            if let Err(problem) = runs(images, image) {
                diagnostics.push(object.diagnose(&format!("{path}.containers[{index}].image"), problem));
            }
        }
    }
    diagnostics
}

fn runs(images: &Images, image: &str) -> Result<(), String> {
    let entry_point = images.entry_point(image).map_err(|unknown| unknown.to_string())?;
    match entry_point.argv.first() {
        Some(program) if !program.contains('/') && find_program(program).is_none() => Err(format!(
            "\"{image}\" stands for the program `{program}` of this machine, which isn't installed: install it, or \
             give the container a `command` of this machine"
        )),
        _ => Ok(()),
    }
}

/// What the control plane would refuse: tried on one that is thrown away.
pub(crate) fn refused(objects: &[Located<Object>], scenario: &Scenario) -> Result<Vec<Diagnostic>, String> {
    let service_cidr = scenario.service_cidr;
    let store = Store::new(Arc::new(|| Time(jiff::Timestamp::now())));
    let registry =
        Registry::new(store, RegistryOptions { service_cidr }).map_err(|error| error.to_string())?;
    for object in own_objects(scenario) {
        registry.apply(object).map_err(|error| error.to_string())?;
    }
    let mut diagnostics = Vec::new();
    for object in in_order(objects) {
        match registry.apply(object.value.clone()) {
            Ok(_) => {}
            Err(ApiError::Invalid { errors, .. }) => {
                diagnostics.extend(errors.iter().map(|error| object.refuse(error)));
            }
            Err(error) => {
                diagnostics.push(object.diagnose(error.field().unwrap_or_default(), error.to_string()));
            }
        }
    }
    Ok(diagnostics)
}

/// How many pods and containers a cluster of these objects has.
pub(crate) fn size(objects: &[Located<Object>], scenario: &Scenario) -> Size {
    let own = own_objects(scenario);
    room::size(objects.iter().map(|object| &object.value).chain(&own))
}

/// Whether the scenario's node has room for them.
pub(crate) fn fits_its_node(size: Size, scenario: &Scenario) -> Result<(), String> {
    let range = room::node_range(scenario.pod_cidr, scenario.node_cidr_mask_size);
    let range = range.map_err(|error| error.to_string())?;
    room::fits(range, size.pods).map_err(|error| error.to_string())
}

/// What every cluster has.
fn own_objects(scenario: &Scenario) -> Vec<Object> {
    dns::objects(
        scenario.service_cidr,
        scenario.pod_cidr,
        scenario.upstream_nameserver,
    )
}

/// Why a scenario that needs these programs can't be run here.
pub(crate) fn lacks(programs: &[String]) -> Option<String> {
    let missing: Vec<&str> = programs
        .iter()
        .map(String::as_str)
        .filter(|program| find_program(program).is_none() && !is_of_postgresql(program))
        .collect();
    (!missing.is_empty()).then(|| format!("this machine doesn't have {}", missing.join(", ")))
}

/// Debian keeps PostgreSQL's programs out of PATH, by version.
fn is_of_postgresql(program: &str) -> bool {
    let versions = Path::new("/usr/lib/postgresql").read_dir();
    versions.is_ok_and(|mut versions| {
        versions.any(|version| version.is_ok_and(|version| version.path().join("bin").join(program).exists()))
    })
}
