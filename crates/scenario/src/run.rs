//! Runs a scenario in a cluster: waits until everything is ready, then takes one step after another.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use podlab_api::steps::{Action, NamespacedName, Request, Step, Target, Traffic};
use podlab_cluster::Cluster;
use podlab_control::store::name_of;
use tokio::time::{Instant, sleep};

use crate::fields::Originals;
use crate::owners::Owners;
use crate::report::{PodLog, Report, StepReport};
use crate::verdict::{Facts, Verdict, is_only_uneven, judge};
use crate::{Obstacle, action, fields, lookup, readiness, tables, traffic};

/// How long a step rests before it is repeated.
const REST: Duration = Duration::from_millis(50);

/// What is going on, for those who wait.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// Pods are being connected.
    Network {
        /// How many have an address.
        connected: usize,
        /// How many there are to be.
        total: usize,
    },
    /// Pods are being started.
    Pods {
        /// How many are ready.
        ready: usize,
        /// How many there are to be.
        total: usize,
    },
    /// A step is being taken.
    Step {
        /// Its number, from 0.
        number: usize,
        /// How many there are.
        total: usize,
        /// Its sentence.
        name: &'a str,
    },
}

/// Takes steps in a cluster.
pub struct Runner<'a> {
    cluster: &'a Cluster,
    steps: &'a [Step],
    originals: Originals,
    tell: &'a (dyn Fn(Progress<'_>) + Sync),
}

impl<'a> Runner<'a> {
    /// A runner of `steps` in `cluster` that tells what is going on.
    pub fn new(cluster: &'a Cluster, steps: &'a [Step], tell: &'a (dyn Fn(Progress<'_>) + Sync)) -> Self {
        Self {
            cluster,
            steps,
            originals: Originals::default(),
            tell,
        }
    }

    /// Waits until every pod that is to be there has its network.
    ///
    /// # Errors
    /// [`Obstacle::NeverSo`] after 30 s, or longer with many pods.
    pub async fn wait_for_network(&self) -> Result<(), Obstacle> {
        readiness::until(self.cluster, self.patience(), |store| {
            let (connected, total) = readiness::connected(store);
            (self.tell)(Progress::Network { connected, total });
            readiness::networked(store)
        })
        .await
    }

    fn patience(&self) -> Duration {
        let (_, pods) = readiness::counts(self.cluster.store());
        action::patience(pods)
    }

    /// Waits until every deployment has rolled out and every pod is ready, and notes how everything is then.
    ///
    /// # Errors
    /// [`Obstacle::NeverSo`] after 30 s, or longer with many pods, with what isn't ready.
    pub async fn wait_until_ready(&mut self, report: &mut Report) -> Result<(), Obstacle> {
        let tell = self.tell;
        let ready = readiness::until(self.cluster, self.patience(), |store| {
            let (ready, total) = readiness::counts(store);
            tell(Progress::Pods { ready, total });
            readiness::everything(store)
        });
        let ready = ready.await;
        report.pods = tables::pods(self.cluster.store());
        report.services = tables::services(self.cluster.store());
        self.remember();
        ready
    }

    /// Takes the steps; a failed one doesn't stop those after it.
    pub async fn take_steps(&mut self, report: &mut Report) {
        let tell = self.tell;
        for (number, step) in self.steps.iter().enumerate() {
            let (total, name) = (self.steps.len(), step.name.as_str());
            tell(Progress::Step { number, total, name });
            let start = Instant::now();
            let deadline = start + step.eventually.unwrap_or_default();
            let mut verdict = self.once(&step.action).await;
            while verdict.expected.is_some() && Instant::now() < deadline {
                sleep(REST).await;
                verdict = self.once(&step.action).await;
            }
            report.steps.push(StepReport {
                name: step.name.clone(),
                passed: verdict.expected.is_none(),
                expected: verdict.expected,
                seen: verdict.seen,
                seconds: start.elapsed().as_secs_f64(),
                pods: verdict.pods.iter().map(ToString::to_string).collect(),
            });
        }
    }

    /// What the containers of pods wrote: of all, or of those that a failed step involved.
    pub fn collect_logs(&self, all: bool, report: &mut Report) {
        let failed = report.steps.iter().filter(|step| !step.passed);
        let involved: BTreeSet<String> = failed.flat_map(|step| step.pods.clone()).collect();
        for pod in self.cluster.store().list::<Pod>() {
            let name = name_of(&pod.metadata);
            if all || involved.contains(&name.to_string()) {
                let lines = self.cluster.recent_lines(&name).into_iter();
                report.logs.push(PodLog {
                    pod: name.to_string(),
                    lines: lines
                        .map(|line| format!("{}: {}", line.container, line.text))
                        .collect(),
                });
            }
        }
    }

    async fn once(&mut self, action: &Action) -> Verdict {
        match self.attempt(action).await {
            Ok(verdict) => verdict,
            Err(obstacle) => Verdict {
                expected: Some("that the step can be taken".to_owned()),
                seen: obstacle.to_string(),
                pods: self.unready(),
            },
        }
    }

    async fn attempt(&mut self, action: &Action) -> Result<Verdict, Obstacle> {
        let cluster = self.cluster;
        let seen = match action {
            Action::Traffic(traffic) => return self.traffic(traffic).await,
            Action::Get {
                object,
                fields,
                unchanged,
            } => {
                let found = cluster.store().get_object(object.kind, &object.name);
                let found = found.ok_or_else(|| Obstacle::NotFound {
                    kind: object.kind,
                    name: object.name.clone(),
                })?;
                let (expected, seen) = self.originals.compare(object, &found, fields, unchanged);
                return Ok(Verdict {
                    expected,
                    seen,
                    pods: BTreeSet::new(),
                });
            }
            Action::List {
                kind,
                namespace,
                selector,
                fields,
            } => {
                let objects = lookup::selected(cluster.store(), *kind, namespace, selector);
                let (expected, seen) = fields::compare_list(&objects, fields);
                return Ok(Verdict {
                    expected,
                    seen,
                    pods: BTreeSet::new(),
                });
            }
            Action::Scale { deployment, replicas } => action::scale(cluster, deployment, *replicas).await?,
            Action::DeletePod(pod) => action::delete_pod(cluster, pod).await?,
            Action::SetReady { pod, ready } => action::set_ready(cluster, pod, *ready).await?,
            Action::Apply(objects) => action::apply(cluster, objects).await?,
            Action::Delete(object) => action::delete(cluster, object).await?,
            Action::Wait {
                object,
                condition,
                timeout,
            } => action::wait(cluster, object, *condition, *timeout).await?,
        };
        self.remember();
        Ok(Verdict {
            expected: None,
            seen,
            pods: BTreeSet::new(),
        })
    }

    async fn traffic(&self, step: &Traffic) -> Result<Verdict, Obstacle> {
        let facts = self.facts(step)?;
        let mut tries = traffic::send(self.cluster, step).await?;
        if is_only_uneven(&step.expect, &tries, &facts) {
            tries = traffic::send(self.cluster, step).await?;
        }
        Ok(judge(&step.expect, &tries, &facts))
    }

    fn facts(&self, step: &Traffic) -> Result<Facts, Obstacle> {
        let store = self.cluster.store();
        let mut allowed = Vec::new();
        for which in &step.expect.answered_by {
            let pods = lookup::pods(store, which)?;
            allowed.extend(pods.iter().map(|pod| name_of(&pod.metadata)));
        }
        let candidates = match &step.request {
            Request::Http {
                to: Target::Service(name),
                ..
            }
            | Request::Tcp {
                to: Target::Service(name),
                ..
            }
            | Request::Udp {
                to: Target::Service(name),
                ..
            } => lookup::endpoints(store, name),
            _ => Vec::new(),
        };
        Ok(Facts {
            pods: Owners::new(store),
            nodes: lookup::node_addresses(store),
            allowed: (!step.expect.answered_by.is_empty()).then_some(allowed),
            candidates,
            records: match &step.expect.records {
                Some(records) => Some(lookup::records(store, records)?),
                None => None,
            },
        })
    }

    /// Notes how objects are that steps ask about, as soon as they are there.
    fn remember(&mut self) {
        for step in self.steps {
            if let Action::Get { object, .. } = &step.action
                && let Some(found) = self.cluster.store().get_object(object.kind, &object.name)
            {
                self.originals.remember(&found);
            }
        }
    }

    fn unready(&self) -> BTreeSet<NamespacedName> {
        let pods = self.cluster.store().list::<Pod>();
        let unready = pods.iter().filter(|pod| readiness::pod_ready(pod).is_err());
        unready.map(|pod| name_of(&pod.metadata)).collect()
    }
}
