//! What every cluster has before anybody has asked for it.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, Namespace, PodSpec, PodTemplateSpec, Probe, Service, ServicePort, ServiceSpec,
    TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::object::Object;

/// The version of Kubernetes whose API this is.
pub const KUBERNETES_VERSION: &str = "v1.34.0+podlab";

/// The namespaces that every cluster has.
pub const NAMESPACES: &[&str] = &["default", "kube-node-lease", "kube-public", "kube-system"];

/// These namespaces as objects.
pub fn namespaces() -> impl Iterator<Item = Namespace> {
    NAMESPACES.iter().map(|name| Namespace {
        metadata: ObjectMeta {
            name: Some((*name).to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    })
}

/// All of it, as far as files can name it.
pub(crate) fn objects() -> impl Iterator<Item = Object> {
    let others = [
        Object::Service(api_service()),
        Object::Service(dns_service()),
        Object::Deployment(dns_deployment(Vec::new())),
    ];
    namespaces().map(Object::Namespace).chain(others)
}

/// The service of the API server, without its address: that is the first one of the service range.
pub fn api_service() -> Service {
    let labels = [("component", "apiserver"), ("provider", "kubernetes")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let port = ServicePort {
        name: Some("https".to_owned()),
        port: 443,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::Int(6443)),
        ..ServicePort::default()
    };
    Service {
        metadata: ObjectMeta {
            name: Some("kubernetes".to_owned()),
            namespace: Some("default".to_owned()),
            labels: Some(labels.into()),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// The service of the cluster's name server, without its address.
pub fn dns_service() -> Service {
    let port = |name: &str, protocol: &str| ServicePort {
        name: Some(name.to_owned()),
        port: DNS_PORT,
        protocol: Some(protocol.to_owned()),
        target_port: Some(IntOrString::Int(DNS_PORT)),
        ..ServicePort::default()
    };
    let name = [
        ("kubernetes.io/name", "CoreDNS"),
        ("kubernetes.io/cluster-service", "true"),
    ];
    let name = name.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Service {
        metadata: ObjectMeta {
            labels: Some(dns_labels().into_iter().chain(name).collect()),
            ..in_kube_system("kube-dns")
        },
        spec: Some(ServiceSpec {
            selector: Some(dns_labels()),
            ports: Some(vec![port("dns", "UDP"), port("dns-tcp", "TCP")]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// The name server itself, with its arguments.
pub fn dns_deployment(arguments: Vec<String>) -> Deployment {
    let probe = Probe {
        tcp_socket: Some(TCPSocketAction {
            port: IntOrString::Int(DNS_PORT),
            host: None,
        }),
        ..Probe::default()
    };
    let port = |name: &str, protocol: &str| ContainerPort {
        name: Some(name.to_owned()),
        container_port: DNS_PORT,
        protocol: Some(protocol.to_owned()),
        ..ContainerPort::default()
    };
    let container = Container {
        name: "coredns".to_owned(),
        image: Some("podlab/dns".to_owned()),
        args: Some(arguments),
        ports: Some(vec![port("dns", "UDP"), port("dns-tcp", "TCP")]),
        readiness_probe: Some(probe),
        ..Container::default()
    };
    let labels = dns_labels();
    Deployment {
        metadata: ObjectMeta {
            labels: Some(labels.clone()),
            ..in_kube_system("coredns")
        },
        spec: Some(DeploymentSpec {
            selector: LabelSelector {
                match_labels: Some(labels.clone()),
                match_expressions: None,
            },
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    ..ObjectMeta::default()
                }),
                spec: Some(PodSpec {
                    containers: vec![container],
                    // It would ask itself.
                    dns_policy: Some("Default".to_owned()),
                    ..PodSpec::default()
                }),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

const DNS_PORT: i32 = 53;

/// The labels of all that is of the name server, as kubeadm writes them.
fn dns_labels() -> BTreeMap<String, String> {
    [("k8s-app".to_owned(), "kube-dns".to_owned())].into()
}

fn in_kube_system(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("kube-system".to_owned()),
        ..ObjectMeta::default()
    }
}
