//! A live cluster in a sandbox: tests may enter the namespaces of its pods, whoever runs them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::serde::de::DeserializeOwned;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use nix::sched::{CloneFlags, setns};
use nix::unistd::geteuid;
use podlab_kernel::netns::Netns;
use podlab_kernel::rtnl::Rtnl;
use podlab_node::cni::links::{LOOPBACK, set_up};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::live::{Place, client};
use crate::processes::{family, sandbox_of};
use crate::{User, sandboxed};

/// Nothing that is waited for takes as long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs tests in a sandbox, once for each user that they are for, and says how the process shall end. Must be called
/// while it has one thread.
pub fn in_sandbox(users: &'static [User], tests: impl Fn(User)) -> ExitCode {
    // Who is nobody else may be root in the sandbox.
    let is_root = geteuid().is_root();
    // Built outside, where cargo is at home.
    crate::binary();
    sandboxed::run(|| {
        let rtnl = Rtnl::open().expect("netlink");
        rtnl.apply(vec![set_up(LOOPBACK)]).expect("loopback");
        users
            .iter()
            .for_each(|user| tests(if is_root { *user } else { User::Root }));
        0
    })
}

/// A live cluster, and a client of its API.
pub struct Lab {
    place: Place,
    runtime: Runtime,
    client: Client,
}

impl Lab {
    /// Starts a cluster from manifests, and waits until all is ready.
    pub fn up(user: User, manifests: &str) -> Self {
        let place = Place::new(user);
        place.up("default", manifests);
        let runtime = Runtime::new().expect("a runtime");
        let client = runtime.block_on(client(&place.kubeconfig("default")));
        Self {
            place,
            runtime,
            client,
        }
    }

    /// Objects in the namespace of all tests.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::default_namespaced(self.client.clone())
    }

    /// Waits for an answer of the API.
    pub fn wait<T>(&self, what: impl Future<Output = kube::Result<T>>) -> T {
        self.runtime.block_on(what).expect("the API does it")
    }

    /// Asks the API for what may come too late.
    pub fn ask<T>(&self, what: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
        self.runtime.block_on(what)
    }

    /// Merges into an object.
    pub fn patch<K>(&self, name: &str, patch: &Value)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug,
    {
        let api = self.api::<K>();
        self.wait(api.patch(name, &PatchParams::default(), &Patch::Merge(patch)));
    }

    /// The names and addresses of the pods with a label, those that end as well.
    pub fn pods(&self, selector: &str) -> BTreeMap<String, IpAddr> {
        let pods = self.wait(self.api::<Pod>().list(&ListParams::default().labels(selector)));
        let pods = pods.items.into_iter();
        let known = pods.filter_map(|pod| Some((pod.metadata.name?, pod.status?.pod_ip?.parse().ok()?)));
        known.collect()
    }

    /// Waits until it is so.
    pub fn until(&self, what: &str, mut so: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so() {
            assert!(Instant::now() < deadline, "not in time: {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The cluster's own process: the first one in its sandbox.
    pub fn supervisor(&self) -> i32 {
        sandbox_of(self.place.supervisor("default").as_raw())
    }

    /// The network namespaces of pods, by their host names.
    pub fn networks(&self) -> BTreeMap<String, Netns> {
        let network = |pid: i32| {
            let hostname = fs::read_to_string(format!("/proc/{pid}/root/etc/hostname")).ok()?;
            Some((hostname.trim().to_owned(), netns_of(pid).ok()?))
        };
        let processes = family(self.supervisor());
        processes.into_iter().filter_map(network).collect()
    }
}

fn netns_of(pid: i32) -> io::Result<Netns> {
    let file = File::open(format!("/proc/{pid}/ns/net"))?;
    let visit = || {
        setns(&file, CloneFlags::CLONE_NEWNET)?;
        Netns::current()
    };
    thread::scope(|scope| scope.spawn(visit).join().expect("no panic"))
}
