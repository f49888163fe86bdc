//! Probes and hooks: what is asked of a container, or done in it.

use k8s_openapi::api::core::v1::{
    Container, ExecAction, GRPCAction, HTTPGetAction, LifecycleHandler, Probe, SleepAction, TCPSocketAction,
};

use super::{Errors, names};

/// The probes of a container, by their fields.
pub(super) fn of(container: &Container) -> impl Iterator<Item = (&'static str, &Probe)> {
    let probes = [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ];
    probes
        .into_iter()
        .filter_map(|(field, probe)| Some((field, probe.as_ref()?)))
}

/// `field` says which of a container's probes it is.
pub(super) fn validate(probe: &Probe, field: &str, errors: &mut Errors) {
    let handler = Handler {
        exec: probe.exec.as_ref(),
        http_get: probe.http_get.as_ref(),
        tcp_socket: probe.tcp_socket.as_ref(),
        grpc: probe.grpc.as_ref(),
        sleep: None,
    };
    validate_handler(&handler, None, errors);
    errors.not_negative("initialDelaySeconds", probe.initial_delay_seconds);
    errors.not_negative("timeoutSeconds", probe.timeout_seconds);
    errors.not_negative("periodSeconds", probe.period_seconds);
    errors.not_negative("successThreshold", probe.success_threshold);
    errors.not_negative("failureThreshold", probe.failure_threshold);
    if let Some(seconds) = probe.termination_grace_period_seconds {
        if seconds <= 0 {
            errors.invalid("terminationGracePeriodSeconds", seconds, "must be greater than 0");
        }
        if field == "readinessProbe" {
            let rule = "must not be set for readinessProbes";
            errors.invalid("terminationGracePeriodSeconds", seconds, rule);
        }
    }
    if let (Some(threshold), true) = (
        probe.success_threshold.filter(|threshold| *threshold != 1),
        field != "readinessProbe",
    ) {
        errors.invalid("successThreshold", threshold, "must be 1");
    }
}

/// `grace` is how many seconds the pod has to stop.
pub(super) fn validate_hook(hook: &LifecycleHandler, grace: Option<i64>, errors: &mut Errors) {
    let handler = Handler {
        exec: hook.exec.as_ref(),
        http_get: hook.http_get.as_ref(),
        tcp_socket: hook.tcp_socket.as_ref(),
        grpc: None,
        sleep: hook.sleep.as_ref(),
    };
    validate_handler(&handler, grace, errors);
}

/// What probes and hooks can do, of which each does one.
struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http_get: Option<&'a HTTPGetAction>,
    tcp_socket: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

fn validate_handler(handler: &Handler, grace: Option<i64>, errors: &mut Errors) {
    let given = [
        ("exec", handler.exec.is_some()),
        ("httpGet", handler.http_get.is_some()),
        ("tcpSocket", handler.tcp_socket.is_some()),
        ("grpc", handler.grpc.is_some()),
        ("sleep", handler.sleep.is_some()),
    ];
    let mut given = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name);
    let Some(first) = given.next() else {
        return errors.required("", "must specify a handler type");
    };
    errors.at(first, |errors| validate_first(handler, grace, errors));
    for more in given {
        errors.forbidden(more, "may not specify more than 1 handler type");
    }
}

fn validate_first(handler: &Handler, grace: Option<i64>, errors: &mut Errors) {
    if let Some(exec) = handler.exec {
        if exec.command.as_ref().is_none_or(Vec::is_empty) {
            errors.required("command", "");
        }
    } else if let Some(get) = handler.http_get {
        validate_get(get, errors);
    } else if let Some(socket) = handler.tcp_socket {
        errors.port_or_name("port", &socket.port);
    } else if let Some(grpc) = handler.grpc {
        errors.port("port", grpc.port);
    } else if let (Some(sleep), Some(grace)) = (handler.sleep, grace)
        && !(0..=grace).contains(&sleep.seconds)
    {
        let rule = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.invalid("", sleep.seconds, &rule);
    }
}

fn validate_get(get: &HTTPGetAction, errors: &mut Errors) {
    if get.path.as_deref().is_none_or(str::is_empty) {
        errors.required("path", "");
    }
    errors.port_or_name("port", &get.port);
    errors.one_of("scheme", get.scheme.as_deref(), &["HTTP", "HTTPS"]);
    for (index, header) in get.http_headers.iter().flatten().enumerate() {
        errors.at_told_as("httpHeaders", &format!("httpHeaders[{index}].name"), |errors| {
            errors.name("", &header.name, names::header);
        });
    }
}
