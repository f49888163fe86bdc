//! Which ports lead where: numbers, and the names that services and pods have for them.

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::target::Target;

/// A port of this machine, 0 for any, and the pod's port that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forwarded {
    pub(super) local: u16,
    pub(super) remote: u16,
}

/// Reads `LOCAL:REMOTE`, `PORT` and `:REMOTE`; remote ports are the service's, if there is one.
///
/// # Errors
/// What is wrong with them, in kubectl's words.
pub(super) fn forwarded(texts: &[String], target: &Target) -> Result<Vec<Forwarded>, String> {
    texts.iter().map(|text| one(text, target)).collect()
}

fn one(text: &str, Target { pod, service, .. }: &Target) -> Result<Forwarded, String> {
    let (local, remote) = text.split_once(':').unwrap_or((text, text));
    if remote.is_empty() || remote.contains(':') {
        return Err(format!("invalid port format '{text}'"));
    }
    let (named, number) = match service {
        Some(service) => {
            let port = service_port(service, remote)?;
            (u16::try_from(port.port).ok(), target_port(service, port, pod)?)
        }
        None => {
            let port = match remote.parse() {
                Ok(port) => port,
                Err(_) => container_port(pod, remote)?,
            };
            (None, port)
        }
    };
    let local = match local {
        "" => 0,
        // A name, or a number for both.
        _ if local == remote => named
            .filter(|_| !is_number(remote))
            .or(local.parse().ok())
            .unwrap_or(number),
        _ => local
            .parse()
            .map_err(|error| format!("error parsing local port '{local}': {error}"))?,
    };
    match number {
        0 => Err("remote port must be > 0".to_owned()),
        remote => Ok(Forwarded { local, remote }),
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The service's port of a number or a name.
fn service_port<'a>(service: &'a Service, wanted: &str) -> Result<&'a ServicePort, String> {
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let number = wanted.parse::<i32>();
    let mut found = ports.filter(|port| match &number {
        Ok(number) => port.port == *number,
        Err(_) => port.name.as_deref() == Some(wanted),
    });
    let Some(first) = found.next() else {
        return Err(match number {
            Ok(number) => format!("Service {name} does not have a service port {number}"),
            Err(_) => format!("Service '{name}' does not have a named port '{wanted}'"),
        });
    };
    let is_tcp = |port: &&ServicePort| port.protocol.as_deref().unwrap_or("TCP") == "TCP";
    std::iter::once(first)
        .chain(found)
        .find(is_tcp)
        .ok_or_else(|| format!("UDP protocol is not supported for {wanted}"))
}

/// The pod's port that a service's port leads to.
fn target_port(service: &Service, port: &ServicePort, pod: &Pod) -> Result<u16, String> {
    let spec = service.spec.as_ref();
    let is_headless = spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some("None");
    let number = match &port.target_port {
        _ if is_headless => port.port,
        Some(IntOrString::String(name)) => return container_port(pod, name),
        Some(IntOrString::Int(number)) if *number != 0 => *number,
        _ => port.port,
    };
    u16::try_from(number).map_err(|_| format!("invalid port {number}"))
}

/// The port that a container of the pod calls so.
fn container_port(pod: &Pod, name: &str) -> Result<u16, String> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    let mut named = ports.filter(|port| port.name.as_deref() == Some(name));
    let port = named.next().and_then(|port| port.container_port.try_into().ok());
    port.ok_or_else(|| {
        let pod = pod.metadata.name.as_deref().unwrap_or_default();
        format!("Pod '{pod}' does not have a named port '{name}'")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str, service: Option<serde_json::Value>) -> Result<(u16, u16), String> {
        let container = json!({"name": "main", "ports": [{"name": "http", "containerPort": 8080}]});
        let pod = json!({"metadata": {"name": "web-1"}, "spec": {"containers": [container]}});
        let target = Target {
            pod: serde_json::from_value(pod).unwrap(),
            service: service.map(|service| serde_json::from_value(service).unwrap()),
            among: 1,
        };
        one(text, &target).map(|Forwarded { local, remote }| (local, remote))
    }

    fn service(cluster_ip: &str) -> Option<serde_json::Value> {
        Some(
            json!({"metadata": {"name": "web"}, "spec": {"clusterIP": cluster_ip, "ports": [
                {"name": "http", "port": 80, "targetPort": "http"},
                {"name": "plain", "port": 81},
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "other", "port": 90, "targetPort": "none"},
            ]}}),
        )
    }

    #[test]
    fn ports_of_pods_are_numbers_or_names() {
        for (text, expected) in [
            ("8080", Ok((8080, 8080))),
            ("80:8080", Ok((80, 8080))),
            (":8080", Ok((0, 8080))),
            ("80:http", Ok((80, 8080))),
            ("http", Ok((8080, 8080))),
            ("80:https", Err("Pod 'web-1' does not have a named port 'https'")),
            ("80:", Err("invalid port format '80:'")),
            ("1:2:3", Err("invalid port format '1:2:3'")),
            ("80:0", Err("remote port must be > 0")),
            (
                "x:80",
                Err("error parsing local port 'x': invalid digit found in string"),
            ),
        ] {
            assert_eq!(read(text, None), expected.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn ports_of_services_lead_to_their_targets() {
        for (text, expected) in [
            ("80", Ok((80, 8080))),
            ("8000:80", Ok((8000, 8080))),
            ("http", Ok((80, 8080))),
            (":plain", Ok((0, 81))),
            ("82", Err("Service web does not have a service port 82")),
            ("https", Err("Service 'web' does not have a named port 'https'")),
            ("53", Err("UDP protocol is not supported for 53")),
            ("90", Err("Pod 'web-1' does not have a named port 'none'")),
        ] {
            assert_eq!(
                read(text, service("10.96.0.2")),
                expected.map_err(str::to_owned),
                "{text}"
            );
        }
        assert_eq!(read("80", service("None")), Ok((80, 80)));
    }
}
