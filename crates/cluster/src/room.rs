//! How many pods there is room for on a node, and how many there are to be.

use ipnet::IpNet;
use k8s_openapi::api::core::v1::PodSpec;
use podlab_api::object::Object;
use podlab_api::steps::LONGEST_NODE_CIDR_MASK_SIZE;

use crate::ClusterError;
use crate::machine::Size;

/// How many ports a bridge has for pods: as many as the kernel has numbers for.
const BRIDGE_PORTS: u64 = 1_023;

/// A cluster has more pods than its node has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node has room for {room} pods, and there are to be {pods}. {}", way_out(*pods))]
pub struct TooManyPods {
    /// How many there are to be.
    pub pods: u64,
    /// How many there is room for.
    pub room: u64,
}

/// How many pods a node has room for: as many as its range has addresses, apart from the network, the bridge and the
/// broadcast, and as its bridge has ports.
pub fn room(node_range: IpNet) -> u64 {
    let length = u32::from(node_range.max_prefix_len() - node_range.prefix_len());
    let addresses = 1_u64.checked_shl(length).unwrap_or(u64::MAX);
    addresses.saturating_sub(3).min(BRIDGE_PORTS)
}

/// The first node's part of the pod range.
///
/// # Errors
/// [`ClusterError::PodRange`].
pub fn node_range(pods: IpNet, mask_size: u8) -> Result<IpNet, ClusterError> {
    match pods {
        IpNet::V4(range) if range.prefix_len() <= LONGEST_NODE_CIDR_MASK_SIZE => {
            let length = range.prefix_len().max(mask_size).min(LONGEST_NODE_CIDR_MASK_SIZE);
            let first = range.subnets(length).ok().and_then(|mut subnets| subnets.next());
            first.map(IpNet::V4).ok_or(ClusterError::PodRange(pods))
        }
        _ => Err(ClusterError::PodRange(pods)),
    }
}

/// Whether a node has room for so many pods.
///
/// # Errors
/// [`TooManyPods`].
pub fn fits(node_range: IpNet, pods: u64) -> Result<(), TooManyPods> {
    let room = room(node_range);
    if pods <= room {
        Ok(())
    } else {
        Err(TooManyPods { pods, room })
    }
}

/// How many pods and containers come of objects.
pub fn size<'a>(objects: impl Iterator<Item = &'a Object>) -> Size {
    let mut size = Size::default();
    for (pods, spec) in objects.filter_map(pods_of) {
        let containers = spec.map_or(0, |spec| spec.containers.len() as u64);
        size.pods = size.pods.saturating_add(pods);
        size.containers = size.containers.saturating_add(pods.saturating_mul(containers));
    }
    size
}

fn pods_of(object: &Object) -> Option<(u64, Option<&PodSpec>)> {
    let replicas = |replicas: Option<i32>| u64::try_from(replicas.unwrap_or(1)).unwrap_or_default();
    match object {
        Object::Pod(pod) => Some((1, pod.spec.as_ref())),
        Object::Deployment(deployment) => {
            let spec = deployment.spec.as_ref()?;
            Some((replicas(spec.replicas), spec.template.spec.as_ref()))
        }
        Object::ReplicaSet(set) => {
            let spec = set.spec.as_ref()?;
            let template = spec.template.as_ref();
            Some((
                replicas(spec.replicas),
                template.and_then(|template| template.spec.as_ref()),
            ))
        }
        _ => None,
    }
}

/// The largest mask size with room for so many, if there is one.
fn way_out(pods: u64) -> String {
    if pods > BRIDGE_PORTS {
        return format!("A node can't have more than {BRIDGE_PORTS}: ask for fewer");
    }
    let bits = 64 - (pods + 3).saturating_sub(1).leading_zeros();
    format!(
        "Give it more addresses: cluster: {{nodeCIDRMaskSize: {}}} under the spec of a Scenario",
        32 - bits
    )
}

#[cfg(test)]
mod tests {
    use podlab_api::object::Kind;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_has_room_for_as_many_pods_as_it_has_addresses_and_ports() {
        let cases = [
            ("10.244.0.0/16", 24, "10.244.0.0/24", 253),
            ("10.244.0.0/16", 23, "10.244.0.0/23", 509),
            ("10.244.0.0/16", 20, "10.244.0.0/20", 1_023),
            ("10.244.0.0/16", 28, "10.244.0.0/28", 13),
            ("10.244.0.0/26", 24, "10.244.0.0/26", 61),
        ];
        for (range, mask_size, expected, pods) in cases {
            let range = node_range(range.parse().unwrap(), mask_size).unwrap();
            assert_eq!((range.to_string().as_str(), room(range)), (expected, pods));
        }
        for range in ["10.244.0.0/29", "fd00::/64"] {
            assert!(node_range(range.parse().unwrap(), 24).is_err(), "{range}");
        }
    }

    #[test]
    fn too_many_pods_are_told_with_a_way_out_that_is_one() {
        let range = |mask_size| node_range("10.244.0.0/16".parse().unwrap(), mask_size).unwrap();
        assert_eq!(fits(range(24), 253), Ok(()));
        let way_out = |pods| fits(range(24), pods).unwrap_err().to_string();
        for pods in [254, 509, 510, 1_000, 1_021, 1_022, 1_023] {
            let text = way_out(pods);
            let (_, mask_size) = text.split_once("nodeCIDRMaskSize: ").unwrap();
            let mask_size = mask_size[..2].parse().unwrap();
            assert_eq!(fits(range(mask_size), pods), Ok(()), "{text}");
            assert!(pods > room(range(mask_size + 1)), "{text}");
        }
        assert_eq!(
            way_out(1_024),
            "the node has room for 253 pods, and there are to be 1024. A node can't have more than 1023: ask for fewer"
        );
    }

    #[test]
    fn what_comes_of_objects_is_counted() {
        let containers = |count| json!({"containers": vec![json!({"name": "c", "image": "i"}); count]});
        let template = json!({"spec": containers(2)});
        let spec = json!({"replicas": 5, "selector": {}, "template": template});
        let objects = [
            (Kind::Pod, json!({"spec": containers(3)})),
            (Kind::Deployment, json!({"spec": spec})),
            (
                Kind::ReplicaSet,
                json!({"spec": {"selector": {}, "template": template}}),
            ),
            (Kind::Service, json!({})),
        ];
        let objects = objects.map(|(kind, object)| Object::from_json(kind, object).unwrap());
        let expected = Size {
            pods: 7,
            containers: 3 + 10 + 2,
        };
        assert_eq!(size(objects.iter()), expected);
    }
}
