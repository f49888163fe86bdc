//! A cluster, and words for what tests do with it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Event, Pod};
use podlab_api::object::{Kind, Object};
use podlab_api::steps::NamespacedName;
use podlab_cluster::kubelet::exec::{ExecOutput, Pipes, Session, Streams};
use podlab_cluster::kubelet::logs::LogOptions;
use podlab_cluster::{Cluster, Options};
use podlab_node::images::Images;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// Nothing here takes as long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Lab {
    pub(crate) cluster: Cluster,
    runtime: Runtime,
}

/// The name of a pod or another object in the namespace of all tests.
pub(crate) fn name(name: &str) -> NamespacedName {
    NamespacedName {
        namespace: "default".to_owned(),
        name: name.to_owned(),
    }
}

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// A container that runs a shell script.
pub(crate) fn script(container: &str, script: &str) -> Value {
    json!({"name": container, "image": "any", "command": ["sh", "-c", script]})
}

pub(crate) fn pod(name: &str, containers: &[Value]) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": containers, "terminationGracePeriodSeconds": 0}})
}

impl Lab {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let options = Options {
            service_cidr: "10.96.0.0/16".parse().unwrap(),
            pod_cidr: "10.244.0.0/16".parse().unwrap(),
            node_cidr_mask_size: 24,
            upstream_nameserver: None,
            images: Images::new(Vec::new(), |_| None),
        };
        let cluster = runtime.block_on(Cluster::start(options)).unwrap();
        Self { cluster, runtime }
    }

    /// A server inside of a pod that has its network.
    pub(crate) fn listen(&self, pod: &str, address: &str) -> TcpListener {
        let pod = self.cluster.pod(&name(pod)).unwrap();
        pod.netns.visit(|| TcpListener::bind(address)).unwrap()
    }

    /// Waits for what must come in time.
    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        let _runtime = self.runtime.enter();
        self.runtime
            .block_on(async { timeout(PATIENCE, what).await })
            .expect("it comes in time")
    }

    pub(crate) fn apply(&self, kind: Kind, object: Value) {
        let object = Object::from_json(kind, object).unwrap();
        self.cluster.registry().apply(object).unwrap();
    }

    pub(crate) fn delete(&self, kind: Kind, object: &str) {
        self.cluster.registry().delete(kind, &name(object)).unwrap();
    }

    /// Waits until a pod is as it shall be.
    pub(crate) fn until(&self, pod: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.wait(async {
            let mut watch = self.cluster.store().watch();
            loop {
                let stored = self.cluster.store().get::<Pod>(&name(pod));
                let json = stored.map(|pod| serde_json::to_value(&*pod).unwrap());
                if let Some(pod) = json.filter(|pod| is_so(pod)) {
                    return pod;
                }
                watch.next().await;
            }
        })
    }

    /// Waits until something is so that nobody tells of.
    pub(crate) fn eventually(&self, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < PATIENCE, "it comes in time");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a pod isn't there any more.
    pub(crate) fn gone(&self, pod: &str) {
        self.wait(async {
            let mut watch = self.cluster.store().watch();
            while self.cluster.store().get::<Pod>(&name(pod)).is_some() {
                watch.next().await;
            }
        });
    }

    /// Starts a pod, and waits until its containers run.
    pub(crate) fn start(&self, pod: Value) {
        let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
        self.apply(Kind::Pod, pod);
        self.until(&name, is_ready);
    }

    pub(crate) fn exec(
        &self,
        pod: &str,
        container: Option<&str>,
        command: &[&str],
        streams: Streams,
    ) -> Session {
        let (pod, command) = (name(pod), words(command));
        self.wait(self.cluster.exec(&pod, container, &command, streams))
            .unwrap()
    }

    /// Ends the first container of a pod, and waits until it runs again.
    pub(crate) fn end(&self, pod: &str) {
        let count = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].clone();
        let before = count(&self.until(pod, |_| true));
        self.wait(self.cluster.run(&name(pod), &words(&["kill", "-TERM", "1"])))
            .unwrap();
        self.until(pod, |pod| count(pod) != before && is_ready(pod));
    }

    pub(crate) fn run(&self, pod: &str, command: &[&str]) -> ExecOutput {
        self.wait(self.cluster.run(&name(pod), &words(command))).unwrap()
    }

    /// What a command in a pod's first container prints, or the error with which it can't be run.
    pub(crate) fn printed(&self, pod: &str, command: &[&str]) -> String {
        String::from_utf8(self.run(pod, command).stdout).unwrap()
    }

    pub(crate) fn logs(&self, pod: &str, options: &LogOptions) -> Result<String, String> {
        let stream = self
            .cluster
            .logs(&name(pod), options)
            .map_err(|error| error.to_string())?;
        let chunks: Vec<_> = self.wait(stream.collect());
        Ok(String::from_utf8(chunks.concat()).unwrap())
    }

    /// Waits until the events about a pod have a part like this.
    pub(crate) fn until_event(&self, pod: &str, part: &str) -> Vec<String> {
        let has_part = |events: &[String]| events.iter().any(|event| event.contains(part));
        let start = Instant::now();
        let mut events = self.events(pod);
        while !has_part(&events) {
            assert!(start.elapsed() < PATIENCE, "{part:?} comes in time: {events:#?}");
            std::thread::sleep(Duration::from_millis(5));
            events = self.events(pod);
        }
        events
    }

    /// The events about a pod, oldest first.
    pub(crate) fn events(&self, pod: &str) -> Vec<String> {
        let mut events = self.cluster.store().list_in::<Event>("default");
        events.retain(|event| event.involved_object.name.as_deref() == Some(pod));
        events.sort_by_key(|event| {
            event
                .metadata
                .resource_version
                .clone()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        });
        let told = |event: &Event| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let path = text(&event.involved_object.field_path);
            format!(
                "{} {} {path} {}",
                text(&event.type_),
                text(&event.reason),
                text(&event.message)
            )
        };
        events.iter().map(|event| told(event)).collect()
    }
}

pub(crate) const ALL: Streams = Streams::Pipes(Pipes {
    stdin: true,
    stdout: true,
    stderr: true,
});

/// Whether its condition `Ready` is true.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
