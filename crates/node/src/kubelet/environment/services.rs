//! The variables that tell a container where services are.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort};

/// Name and value of each variable.
type Variables = BTreeMap<String, String>;

/// The variables for a pod of `namespace`: of the API's service always, of its namespace's own if it wants `links`.
pub(crate) fn service_variables<'a>(
    services: impl Iterator<Item = &'a Service> + Clone,
    namespace: &str,
    links: bool,
) -> Variables {
    let api = services
        .clone()
        .filter(|it| lives_in(it, "default") && it.metadata.name.as_deref() == Some("kubernetes"));
    let own = services.filter(|it| links && lives_in(it, namespace));
    // Of two services of one name, the namespace's own wins.
    let by_name: BTreeMap<_, _> = api
        .chain(own)
        .filter_map(|service| Some((service.metadata.name.as_deref()?, (service, address(service)?))))
        .collect();
    by_name
        .into_iter()
        .flat_map(|(name, (service, address))| of_service(name, address, service))
        .collect()
}

fn lives_in(service: &Service, namespace: &str) -> bool {
    service.metadata.namespace.as_deref() == Some(namespace)
}

/// None for headless services and for other names of hosts.
fn address(service: &Service) -> Option<&str> {
    let address = service.spec.as_ref()?.cluster_ip.as_deref()?;
    Some(address).filter(|address| !address.is_empty() && *address != "None")
}

/// `NAME_SERVICE_HOST`, `NAME_SERVICE_PORT`, and the variables that Docker's links had.
fn of_service(name: &str, address: &str, service: &Service) -> Variables {
    let name = variable(name);
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let mut variables = Variables::new();
    if let Some(first) = ports.clone().next() {
        variables.insert(format!("{name}_SERVICE_HOST"), address.to_owned());
        variables.insert(format!("{name}_SERVICE_PORT"), first.port.to_string());
        variables.insert(format!("{name}_PORT"), url(address, first));
    }
    for port in ports {
        if let Some(port_name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            let port_name = variable(port_name);
            variables.insert(format!("{name}_SERVICE_PORT_{port_name}"), port.port.to_string());
        }
        let link = format!("{name}_PORT_{}_{}", port.port, protocol(port));
        variables.insert(format!("{link}_PROTO"), protocol(port).to_lowercase());
        variables.insert(format!("{link}_PORT"), port.port.to_string());
        variables.insert(format!("{link}_ADDR"), address.to_owned());
        variables.insert(link, url(address, port));
    }
    variables
}

fn variable(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

fn protocol(port: &ServicePort) -> &str {
    port.protocol.as_deref().unwrap_or("TCP")
}

fn url(address: &str, port: &ServicePort) -> String {
    let protocol = protocol(port).to_lowercase();
    let number = port.port;
    if address.contains(':') {
        format!("{protocol}://[{address}]:{number}")
    } else {
        format!("{protocol}://{address}:{number}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn service(namespace: &str, name: &str, spec: Value) -> Service {
        let metadata = json!({"namespace": namespace, "name": name});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    fn text(variables: &Variables) -> String {
        variables
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect()
    }

    #[test]
    fn every_port_of_a_service_has_its_variables() {
        let cases = [
            (
                service(
                    "shop",
                    "web",
                    json!({"clusterIP": "10.96.0.5", "ports": [{"port": 80}]}),
                ),
                "WEB_PORT=tcp://10.96.0.5:80\n\
                 WEB_PORT_80_TCP=tcp://10.96.0.5:80\n\
                 WEB_PORT_80_TCP_ADDR=10.96.0.5\n\
                 WEB_PORT_80_TCP_PORT=80\n\
                 WEB_PORT_80_TCP_PROTO=tcp\n\
                 WEB_SERVICE_HOST=10.96.0.5\n\
                 WEB_SERVICE_PORT=80\n",
            ),
            (
                service(
                    "shop",
                    "my-dns",
                    json!({"clusterIP": "10.96.0.6", "ports": [
                        {"name": "dns-udp", "port": 53, "protocol": "UDP"},
                        {"name": "8053", "port": 8053, "protocol": "SCTP"},
                    ]}),
                ),
                "MY_DNS_PORT=udp://10.96.0.6:53\n\
                 MY_DNS_PORT_53_UDP=udp://10.96.0.6:53\n\
                 MY_DNS_PORT_53_UDP_ADDR=10.96.0.6\n\
                 MY_DNS_PORT_53_UDP_PORT=53\n\
                 MY_DNS_PORT_53_UDP_PROTO=udp\n\
                 MY_DNS_PORT_8053_SCTP=sctp://10.96.0.6:8053\n\
                 MY_DNS_PORT_8053_SCTP_ADDR=10.96.0.6\n\
                 MY_DNS_PORT_8053_SCTP_PORT=8053\n\
                 MY_DNS_PORT_8053_SCTP_PROTO=sctp\n\
                 MY_DNS_SERVICE_HOST=10.96.0.6\n\
                 MY_DNS_SERVICE_PORT=53\n\
                 MY_DNS_SERVICE_PORT_8053=8053\n\
                 MY_DNS_SERVICE_PORT_DNS_UDP=53\n",
            ),
            (
                service(
                    "shop",
                    "six",
                    json!({"clusterIP": "fd00::5", "ports": [{"name": "", "port": 80}]}),
                ),
                "SIX_PORT=tcp://[fd00::5]:80\n\
                 SIX_PORT_80_TCP=tcp://[fd00::5]:80\n\
                 SIX_PORT_80_TCP_ADDR=fd00::5\n\
                 SIX_PORT_80_TCP_PORT=80\n\
                 SIX_PORT_80_TCP_PROTO=tcp\n\
                 SIX_SERVICE_HOST=fd00::5\n\
                 SIX_SERVICE_PORT=80\n",
            ),
            (
                service(
                    "shop",
                    "headless",
                    json!({"clusterIP": "None", "ports": [{"port": 80}]}),
                ),
                "",
            ),
            (
                service("shop", "unset", json!({"clusterIP": "", "ports": [{"port": 80}]})),
                "",
            ),
            (
                service(
                    "shop",
                    "elsewhere",
                    json!({"type": "ExternalName", "externalName": "a.b", "ports": [{"port": 80}]}),
                ),
                "",
            ),
        ];
        for (service, expected) in cases {
            assert_eq!(
                text(&service_variables([&service].into_iter(), "shop", true)),
                expected
            );
        }
    }

    #[test]
    fn a_pod_is_told_of_its_namespace_and_of_the_api() {
        let with = |address: &str| json!({"clusterIP": address, "ports": [{"port": 80}]});
        let services = [
            service("default", "kubernetes", with("10.96.0.1")),
            service("default", "web", with("10.96.0.2")),
            service("shop", "kubernetes", with("10.96.0.3")),
            service("shop", "web", with("10.96.0.4")),
            service("bank", "kubernetes", with("None")),
            service("bank", "web", with("10.96.0.5")),
            service("apart", "web", with("10.96.0.6")),
        ];
        let cases = [
            ("default", true, Some("10.96.0.1"), Some("10.96.0.2")),
            ("default", false, Some("10.96.0.1"), None),
            ("shop", true, Some("10.96.0.3"), Some("10.96.0.4")),
            ("shop", false, Some("10.96.0.1"), None),
            ("bank", true, Some("10.96.0.1"), Some("10.96.0.5")),
            ("apart", true, Some("10.96.0.1"), Some("10.96.0.6")),
            ("empty", true, Some("10.96.0.1"), None),
        ];
        for (namespace, links, api, web) in cases {
            let variables = service_variables(services.iter(), namespace, links);
            let host = |name: &str| variables.get(&format!("{name}_SERVICE_HOST")).map(String::as_str);
            assert_eq!(
                (host("KUBERNETES"), host("WEB")),
                (api, web),
                "{namespace} {links}"
            );
        }
    }

    #[test]
    fn nothing_is_left_of_a_service_that_another_wins_over() {
        let api = json!({"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443}]});
        let own = json!({"clusterIP": "10.96.0.3", "ports": [{"port": 80}]});
        let services = [
            service("shop", "kubernetes", own),
            service("default", "kubernetes", api),
        ];
        let variables = service_variables(services.iter(), "shop", true);
        assert_eq!(variables.get("KUBERNETES_SERVICE_PORT_HTTPS"), None);
    }
}
