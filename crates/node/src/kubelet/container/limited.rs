//! Holds one run of a container to its limits of resources.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::ID_SCHEME;
use crate::cgroups::{self, Group};

/// The control group of a run; none when there are no limits, or none that can be enforced.
pub(super) struct Limited(Option<Arc<Group>>);

impl Limited {
    /// For the run with this ID.
    ///
    /// # Errors
    /// What the kernel refused.
    pub(super) fn begin(container: &core::Container, id: &str) -> Result<Self, String> {
        let Some(resources) = &container.resources else {
            return Ok(Self(None));
        };
        let group = cgroups::here().group(id.trim_start_matches(ID_SCHEME), resources);
        let group = group.map_err(|error| format!("limit its resources: {error}"))?;
        Ok(Self(group.map(Arc::new)))
    }

    /// What its processes enter.
    pub(super) fn group(&self) -> Option<Arc<Group>> {
        self.0.clone()
    }

    /// After the end of all its processes; whether one was killed because there was no more memory for it.
    pub(super) async fn end(self) -> bool {
        let Some(group) = self.0 else { return false };
        let was_out_of_memory = group.was_out_of_memory();
        group.remove().await;
        was_out_of_memory
    }
}
