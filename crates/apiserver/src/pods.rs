//! What is asked of a pod that runs: its logs, programs in it, connections to it. All of it is its kubelet's matter.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use podlab_api::object::Kind;
use podlab_api::steps::NamespacedName;
use podlab_cluster::Cluster;
use podlab_cluster::kubelet::ChoiceError;
use podlab_cluster::kubelet::exec::{self, ExecError, Pipes, WindowSize};
use podlab_cluster::kubelet::logs::LogsError;

use crate::log::{LogOptionsError, log_options};
use crate::path::ResourcePath;
use crate::port_forward::{PortForwardOptions, Target, port_forward};
use crate::read::find;
use crate::remote_command::{ExecOptions, Session, Streams, TerminalSize, exec};
use crate::status::Failure;
use crate::upgrade::Upgrade;

/// What is asked of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// What a container wrote.
    Log,
    /// A program in a container.
    Exec,
    /// Connections to ports.
    PortForward,
}

impl Wanted {
    /// What a path asks of a pod, if it does.
    pub(crate) fn at(path: &ResourcePath) -> Option<Self> {
        match (path.kind, path.subresource.as_deref()) {
            (Kind::Pod, Some("log")) => Some(Self::Log),
            (Kind::Pod, Some("exec")) => Some(Self::Exec),
            (Kind::Pod, Some("portforward")) => Some(Self::PortForward),
            _ => None,
        }
    }
}

/// Answers a request for something of a pod.
pub(crate) async fn answer(
    cluster: &Arc<Cluster>,
    path: &ResourcePath,
    wanted: Wanted,
    request: Parts,
) -> Response {
    let answer = match wanted {
        Wanted::Log => log(cluster, path, &request),
        Wanted::Exec => run(cluster, path, request).await,
        Wanted::PortForward => forward(cluster, path, request).await,
    };
    answer.unwrap_or_else(Failure::into_response)
}

fn log(cluster: &Cluster, path: &ResourcePath, request: &Parts) -> Result<Response, Failure> {
    if request.method != Method::GET {
        return Err(Failure::method_not_allowed());
    }
    let pod = name(cluster, path)?;
    let options = log_options(request.uri.query().unwrap_or_default()).map_err(|error| match error {
        LogOptionsError::Query(error) => error.into(),
        LogOptionsError::Invalid(errors) => Failure::invalid("PodLogOptions", "", &pod.name, &errors),
    })?;
    let lines = cluster.logs(&pod, &options)?;
    let mut response = Response::new(Body::from_stream(lines.map(Ok::<_, std::convert::Infallible>)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

async fn run(cluster: &Arc<Cluster>, path: &ResourcePath, mut request: Parts) -> Result<Response, Failure> {
    let pod = name(cluster, path)?;
    let options = ExecOptions::parse(request.uri.query().unwrap_or_default())
        .map_err(|error| Failure::bad_request(error.to_string()))?;
    if options.command.is_empty() {
        return Err(Failure::bad_request(
            "you must specify at least one command for the container",
        ));
    }
    // Before the connection is turned over, so that the client sees the Status.
    cluster.container(&pod, options.container.as_deref())?;
    let upgrade = upgrade(&mut request).await?;
    let cluster = cluster.clone();
    let ExecOptions {
        container,
        command,
        streams,
    } = options;
    Ok(exec(upgrade, streams, move || async move {
        let session = cluster
            .exec(&pod, container.as_deref(), &command, of(streams))
            .await?;
        let terminal = session.terminal;
        let exit = session.exit;
        Ok::<_, ExecError>(Session {
            stdin: session.stdin,
            stdout: session.stdout,
            stderr: session.stderr,
            resize: Box::new(move |TerminalSize { width, height }| {
                if let Some(terminal) = &terminal {
                    // The program may have ended in this moment.
                    let _ = terminal.resize(WindowSize {
                        columns: width,
                        rows: height,
                    });
                }
            }),
            exit: Box::pin(async move { Ok(exit.await) }),
        })
    }))
}

fn of(streams: Streams) -> exec::Streams {
    match streams {
        Streams { tty: true, .. } => exec::Streams::Terminal,
        Streams {
            stdin,
            stdout,
            stderr,
            ..
        } => exec::Streams::Pipes(Pipes {
            stdin,
            stdout,
            stderr,
        }),
    }
}

async fn forward(
    cluster: &Arc<Cluster>,
    path: &ResourcePath,
    mut request: Parts,
) -> Result<Response, Failure> {
    let pod = name(cluster, path)?;
    let options = PortForwardOptions::parse(request.uri.query().unwrap_or_default())
        .map_err(|error| Failure::bad_request(error.to_string()))?;
    let uid = find(cluster.registry(), path)?
        .metadata()
        .uid
        .clone()
        .unwrap_or_default();
    let upgrade = upgrade(&mut request).await?;
    let cluster = cluster.clone();
    let target = Target {
        pod: pod.name.clone(),
        uid,
        dial: move |port| {
            let (cluster, pod) = (cluster.clone(), pod.clone());
            async move { cluster.dial(&pod, port).await }
        },
    };
    Ok(port_forward(upgrade, options, target))
}

async fn upgrade(request: &mut Parts) -> Result<Upgrade, Failure> {
    if !["GET", "POST"].contains(&request.method.as_str()) {
        return Err(Failure::method_not_allowed());
    }
    Upgrade::of(request)
        .await
        .map_err(|error| Failure::bad_request(error.to_string()))
}

fn name(cluster: &Cluster, path: &ResourcePath) -> Result<NamespacedName, Failure> {
    find(cluster.registry(), path)?;
    path.object().ok_or_else(Failure::no_resource)
}

impl From<ChoiceError> for Failure {
    fn from(error: ChoiceError) -> Self {
        match error {
            ChoiceError::NoPod(name) => Self::not_found(Kind::Pod, &name.name),
            error => Self::bad_request(error.to_string()),
        }
    }
}

impl From<LogsError> for Failure {
    fn from(error: LogsError) -> Self {
        match error {
            LogsError::Choice(error) => error.into(),
            error @ LogsError::Gone(_) => Self::internal(error),
            error => Self::bad_request(error.to_string()),
        }
    }
}
