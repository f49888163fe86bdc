//! Secrets of TLS whose certificate or key can't be one, in the words of Go's `crypto/tls`.

use k8s_openapi::api::core::v1::Secret;

use super::Warnings;

pub(super) fn warn(secret: &Secret, warnings: &mut Warnings) {
    if secret.type_.as_deref() != Some("kubernetes.io/tls") {
        return;
    }
    let blocks = |key: &str| {
        let bytes = secret.data.as_ref()?.get(key)?;
        Some(block_types(&String::from_utf8_lossy(&bytes.0)))
    };
    let (Some(certificate), Some(key)) = (blocks("tls.crt"), blocks("tls.key")) else {
        return;
    };
    if let Some((place, why)) = wrong(&certificate, &key) {
        warnings.say(&format!("data[{place}]"), format!("tls: {why}"));
    }
}

fn wrong(certificate: &[String], key: &[String]) -> Option<(&'static str, String)> {
    let is_key = |block: &String| block == "PRIVATE KEY" || block.ends_with(" PRIVATE KEY");
    if !certificate.iter().any(|block| block == "CERTIFICATE") {
        let why = match certificate {
            [] => "failed to find any PEM data in certificate input".to_owned(),
            [only] if is_key(only) => {
                "failed to find certificate PEM data in certificate input, but did find a private key; \
                                       PEM inputs may have been switched"
                    .to_owned()
            }
            skipped => format!(
                "failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following \
                 types: [{}]",
                skipped.join(" ")
            ),
        };
        return Some(("tls.crt", why));
    }
    if !key.iter().any(is_key) {
        let why = match key {
            [] => "failed to find any PEM data in key input".to_owned(),
            [only] if only == "CERTIFICATE" => {
                "found a certificate rather than a key in the PEM for the private key".to_owned()
            }
            skipped => format!(
                "failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the \
                 following types: [{}]",
                skipped.join(" ")
            ),
        };
        return Some(("tls.key", why));
    }
    None
}

/// What the blocks of a PEM file are of.
fn block_types(text: &str) -> Vec<String> {
    let begins = |line: &str| {
        let block = line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
        let end = format!("-----END {block}-----");
        text.contains(&end).then(|| block.to_owned())
    };
    text.lines().filter_map(begins).collect()
}
