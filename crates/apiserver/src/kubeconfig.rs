//! The file by which kubectl and all other clients find a cluster, and are let in.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::pki::Pki;

/// A kubeconfig whose cluster, context and user are `podlab-NAME`. It holds the administrator's key.
///
/// `name` must be a DNS label.
pub fn kubeconfig(name: &str, server: SocketAddr, pki: &Pki) -> String {
    let data = |pem: &str| STANDARD.encode(pem);
    let (authority, certificate, key) = (
        data(&pki.authority),
        data(&pki.admin_certificate),
        data(&pki.admin_key),
    );
    format!(
        "\
apiVersion: v1
kind: Config
clusters:
- name: podlab-{name}
  cluster:
    server: https://{server}
    certificate-authority-data: {authority}
users:
- name: podlab-{name}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: podlab-{name}
  context:
    cluster: podlab-{name}
    user: podlab-{name}
current-context: podlab-{name}
"
    )
}
