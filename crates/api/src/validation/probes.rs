//! Probes.

use k8s_openapi::api::core::v1::{HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Errors, names};

/// `field` says which of a container's probes it is.
pub(super) fn validate(probe: &Probe, field: &str, errors: &mut Errors) {
    validate_handler(probe, errors);
    errors.not_negative("initialDelaySeconds", probe.initial_delay_seconds);
    errors.not_negative("timeoutSeconds", probe.timeout_seconds);
    errors.not_negative("periodSeconds", probe.period_seconds);
    errors.not_negative("successThreshold", probe.success_threshold);
    errors.not_negative("failureThreshold", probe.failure_threshold);
    if let (Some(threshold), true) = (
        probe.success_threshold.filter(|threshold| *threshold != 1),
        field != "readinessProbe",
    ) {
        errors.invalid("successThreshold", threshold, "must be 1");
    }
}

fn validate_handler(probe: &Probe, errors: &mut Errors) {
    let handlers = [
        ("exec", probe.exec.is_some()),
        ("httpGet", probe.http_get.is_some()),
        ("tcpSocket", probe.tcp_socket.is_some()),
        ("grpc", probe.grpc.is_some()),
    ];
    let mut present = handlers
        .iter()
        .filter(|(_, present)| *present)
        .map(|(name, _)| *name);
    if present.next().is_none() {
        return errors.required("", "must specify a handler type");
    }
    for more in present {
        errors.forbidden(more, "may not specify more than 1 handler type");
    }
    if let Some(exec) = &probe.exec
        && exec.command.as_ref().is_none_or(Vec::is_empty)
    {
        errors.required("exec.command", "");
    }
    if let Some(get) = &probe.http_get {
        errors.at("httpGet", |errors| validate_get(get, errors));
    }
    if let Some(socket) = &probe.tcp_socket {
        validate_port("tcpSocket.port", &socket.port, errors);
    }
    if let Some(grpc) = &probe.grpc {
        errors.port("grpc.port", grpc.port);
    }
}

fn validate_get(get: &HTTPGetAction, errors: &mut Errors) {
    if get.path.as_deref().is_none_or(str::is_empty) {
        errors.required("path", "");
    }
    validate_port("port", &get.port, errors);
    errors.one_of("scheme", get.scheme.as_deref(), &["HTTP", "HTTPS"]);
    errors.each("httpHeaders", get.http_headers.iter().flatten(), |header, errors| {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if header.name.is_empty() || !header.name.bytes().all(token) {
            let rule = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex \
                        used for validation is '[-A-Za-z0-9]+')";
            errors.invalid("name", header.name.as_str(), rule);
        }
    });
}

fn validate_port(field: &str, port: &IntOrString, errors: &mut Errors) {
    match port {
        IntOrString::Int(number) => errors.port(field, *number),
        IntOrString::String(name) => errors.name(field, name, names::port_name),
    }
}
