//! From a step as it is written to the one thing that it does.

use super::check::{Problem, told};
use super::document::{Document, document, with_help};
use super::duration;
use super::located::{Located, Place};
use super::objects::Objects;
use super::reference::{self, Refused, invalid};
use super::tree::Node;
use crate::diagnostic::{Diagnostic, Severity};
use crate::object::{Kind, Object};
use crate::scenario::{ExpectSpec, StepSpec, WaitCondition};
use crate::steps::{Action, NamespacedName, ObjectRef, PodRef, Step};

use std::time::Duration;

/// How long `wait` waits when it doesn't say.
const WAIT: Duration = Duration::from_secs(30);

/// What steps can do: the field, and whether it is traffic.
const ACTIONS: &[&str] = &[
    "http",
    "tcp",
    "udp",
    "dns",
    "exec",
    "scale",
    "deletePod",
    "setReady",
    "apply",
    "delete",
    "wait",
    "get",
];
pub(super) const TRAFFIC: &[&str] = &["http", "tcp", "udp", "dns", "exec"];

/// Reads steps, one after another, and knows which objects there are when each is taken.
pub(super) struct StepReader<'a> {
    place: &'a Place,
    problems: &'a [Problem],
    pub(super) known: Objects,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The objects that the steps so far apply.
    pub(super) applied: Vec<Located<Object>>,
    /// The path of the step: `spec.steps[3]`.
    path: String,
    namespace: String,
}

impl<'a> StepReader<'a> {
    /// `problems` are what is wrong with the scenario's shape.
    pub(super) fn new(
        place: &'a Place,
        problems: &'a [Problem],
        known: Objects,
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Self {
        let (path, namespace) = (String::new(), String::new());
        Self {
            place,
            problems,
            known,
            diagnostics,
            applied: Vec::new(),
            path,
            namespace,
        }
    }

    /// The step, or none if something is wrong with it. `objects` are those that it applies.
    pub(super) fn step(&mut self, spec: StepSpec, path: &str, objects: Vec<Object>) -> Option<Step> {
        self.path = path.to_owned();
        self.namespace = spec.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let before = self.diagnostics.len();
        if let Some((message, help)) = self.known.missing_namespace(&self.namespace) {
            self.refuse("namespace", (message, Some(help)));
            return None;
        }
        if spec.name.trim().is_empty() {
            self.complain(
                "name",
                "Required value: a sentence that says what the step proves",
            );
        }
        let action = self.only_action(&spec)?;
        self.refuse_what_does_not_fit(&spec, action);
        let eventually = self.duration("eventually", spec.eventually.as_deref());
        let name = spec.name.clone();
        let action = self.action(spec, action, objects);
        let failed = self.diagnostics[before..]
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error);
        action.filter(|_| !failed).map(|action| Step {
            name,
            action,
            eventually,
        })
    }

    /// The field that says what the step does.
    fn only_action(&mut self, spec: &StepSpec) -> Option<&'static str> {
        let written = self.place.node.find(&self.path);
        let present = [
            spec.http.is_some(),
            spec.tcp.is_some(),
            spec.udp.is_some(),
            spec.dns.is_some(),
            spec.exec.is_some(),
            spec.scale.is_some(),
            spec.delete_pod.is_some(),
            spec.set_ready.is_some(),
            spec.apply.is_some(),
            spec.delete.is_some(),
            spec.wait.is_some(),
            spec.get.is_some(),
        ];
        let mut actions: Vec<&str> = ACTIONS
            .iter()
            .zip(present)
            .filter(|(_, present)| *present)
            .map(|(action, _)| *action)
            .collect();
        // In the order in which they are written.
        let line = |action: &&str| {
            written
                .and_then(|step| step.entry(action))
                .map(|entry| entry.key_span)
        };
        actions.sort_by_key(line);
        let Some((first, others)) = actions.split_first() else {
            let message = format!("Required value: a step does one of {}", ACTIONS.join(", "));
            self.complain("", &message);
            return None;
        };
        if let Some(other) = others.first() {
            let message = format!(
                "{}: Forbidden: a step does exactly one thing, and this one has {first} already",
                self.at(other)
            );
            let mark = |action: &str| {
                let entry = written.and_then(|step| step.entry(action));
                entry.map_or_else(|| self.place.node.locate(&self.path), |entry| entry.key_span)
            };
            let diagnostic = self
                .place
                .say(Severity::Error, mark(other), &message)
                .related(&self.place.source, mark(first), "the first thing")
                .help("make it two steps");
            self.diagnostics.push(diagnostic);
            return None;
        }
        ACTIONS.iter().find(|action| *action == first).copied()
    }

    /// Refuses fields that belong to another kind of step.
    fn refuse_what_does_not_fit(&mut self, spec: &StepSpec, action: &str) {
        let traffic = TRAFFIC.contains(&action);
        let fields = [
            ("from", spec.from.is_some(), traffic),
            ("times", spec.times.is_some(), traffic),
            ("timeout", spec.timeout.is_some(), traffic),
            (
                "eventually",
                spec.eventually.is_some(),
                traffic || action == "get",
            ),
            ("expect", spec.expect.is_some(), traffic || action == "get"),
            ("selector", spec.selector.is_some(), action == "get"),
        ];
        for (field, present, fits) in fields {
            if present && !fits {
                let only = match field {
                    "selector" => "get has".to_owned(),
                    "eventually" | "expect" => format!("{}, and get have", TRAFFIC.join(", ")),
                    _ => format!("{} have", TRAFFIC.join(", ")),
                };
                let message = format!("Forbidden: {action} has no {field}, only {only}");
                self.complain(field, &message);
            }
        }
    }

    fn action(&mut self, spec: StepSpec, action: &str, objects: Vec<Object>) -> Option<Action> {
        if TRAFFIC.contains(&action) {
            return self
                .traffic(spec)
                .map(|traffic| Action::Traffic(Box::new(traffic)));
        }
        match action {
            "apply" => {
                if spec.apply.is_some_and(|items| items.is_empty()) {
                    self.complain("apply", "Required value: at least one object");
                }
                Some(Action::Apply(objects))
            }
            "get" => self.get(spec),
            "scale" => {
                let scale = spec.scale?;
                if scale.replicas < 0 {
                    let message = format!(
                        "Invalid value: {}: must be greater than or equal to 0",
                        scale.replicas
                    );
                    self.complain("scale.replicas", &message);
                }
                let text = format!(
                    "deployment/{}",
                    scale.deployment.trim_start_matches("deployment/")
                );
                let deployment = self.object("scale.deployment", &text)?.name;
                Some(Action::Scale {
                    deployment,
                    replicas: scale.replicas,
                })
            }
            "deletePod" => {
                let pod = self.pod("deletePod", &spec.delete_pod?)?;
                if let PodRef::Pod(name) = &pod {
                    self.known.delete(Kind::Pod, name, &spec.name);
                }
                Some(Action::DeletePod(pod))
            }
            "setReady" => {
                let set = spec.set_ready?;
                Some(Action::SetReady {
                    pod: self.pod("setReady.object", &set.object)?,
                    ready: set.ready,
                })
            }
            "delete" => {
                let object = self.object("delete", &spec.delete?)?;
                self.known.delete(object.kind, &object.name, &spec.name);
                Some(Action::Delete(object))
            }
            _ => self.wait(spec),
        }
    }

    fn wait(&mut self, spec: StepSpec) -> Option<Action> {
        let wait = spec.wait?;
        let timeout = self
            .duration("wait.timeout", wait.timeout.as_deref())
            .unwrap_or(WAIT);
        let pod = self.accept("wait.object", reference::pod(&wait.object, &self.namespace))?;
        let (kind, name) = kind_and_name(&pod);
        // What is gone already can be waited for; what never was can't.
        let gone = wait.condition == WaitCondition::Deleted && self.known.ever_known(kind, name);
        if !gone {
            self.exists("wait.object", kind, name)?;
        }
        let object = ObjectRef {
            kind,
            name: name.clone(),
        };
        Some(Action::Wait {
            object,
            condition: wait.condition,
            timeout,
        })
    }

    fn get(&mut self, spec: StepSpec) -> Option<Action> {
        let expect = spec.expect.unwrap_or_default();
        self.refuse_expectations(&expect, "get");
        if expect.fields.is_empty() && expect.unchanged.is_empty() {
            self.complain(
                "expect",
                "Required value: get needs fields or unchanged to look at",
            );
        }
        if let Some(selector) = spec.selector {
            return self.list(&spec.get?, &selector, expect);
        }
        let object = self.object("get", &spec.get?)?;
        Some(Action::Get {
            object,
            fields: expect.fields.into_iter().collect(),
            unchanged: expect.unchanged,
        })
    }

    fn list(&mut self, kind: &str, selector: &str, expect: ExpectSpec) -> Option<Action> {
        if !expect.unchanged.is_empty() {
            self.complain("expect.unchanged", "Forbidden: a list has no fields that stay");
        }
        let kind = self.accept("get", reference::kind_alone(kind))?;
        let selector = self.accept("selector", reference::selector(selector))?;
        let namespaced = kind.namespaced();
        Some(Action::List {
            kind,
            namespace: if namespaced {
                self.namespace.clone()
            } else {
                String::new()
            },
            selector,
            fields: expect.fields.into_iter().collect(),
        })
    }

    /// Reads the objects of an `apply` step; from now on they are known.
    pub(super) fn apply(&mut self, items: &[Node], path: &str) -> Vec<Object> {
        let mut documents = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let within = Some((self.place.subject.as_str(), format!("{path}.apply[{index}]")));
            documents.push(document(
                &self.place.source,
                item.clone(),
                within,
                self.diagnostics,
            ));
        }
        let mut objects = Vec::new();
        documents
            .into_iter()
            .for_each(|document| flatten(document, &mut objects));
        objects.iter().for_each(|object| self.known.add(&object.value));
        for object in &objects {
            self.known.check_namespace(object, self.diagnostics);
        }
        let values = objects.iter().map(|object| object.value.clone()).collect();
        self.applied.extend(objects);
        values
    }

    /// An object that a field names, if it exists.
    fn object(&mut self, field: &str, text: &str) -> Option<ObjectRef> {
        let object = self.accept(field, reference::object(text, &self.namespace))?;
        // Their names are made while the cluster runs.
        let made = matches!(
            object.kind,
            Kind::Node | Kind::Endpoints | Kind::EndpointSlice | Kind::ReplicaSet
        );
        if !made {
            self.exists(field, object.kind, &object.name)?;
        }
        Some(object)
    }

    /// A pod or a deployment that a field names, if it exists.
    pub(super) fn pod(&mut self, field: &str, text: &str) -> Option<PodRef> {
        let pod = self.accept(field, reference::pod(text, &self.namespace))?;
        let (kind, name) = kind_and_name(&pod);
        self.exists(field, kind, name)?;
        Some(pod)
    }

    pub(super) fn exists(&mut self, field: &str, kind: Kind, name: &NamespacedName) -> Option<Object> {
        let found = self.known.find(kind, name).cloned();
        self.accept(field, found)
    }

    pub(super) fn duration(&mut self, field: &str, text: Option<&str>) -> Option<Duration> {
        let text = text?;
        let duration = duration::parse(text);
        if duration.is_none() {
            self.complain(field, &invalid(text, duration::RULE));
        }
        duration
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The value, or none, of which the reason is told then.
    pub(super) fn accept<T>(&mut self, field: &str, result: Result<T, Refused>) -> Option<T> {
        result.map_err(|refused| self.refuse(field, refused)).ok()
    }

    /// Says what is wrong with a field, unless its shape is wrong, which is said already.
    fn refuse(&mut self, field: &str, (message, help): Refused) {
        if told(self.problems, &self.at(field)) {
            return;
        }
        let diagnostic = self.place.diagnose(Severity::Error, &self.at(field), &message);
        self.diagnostics.push(with_help(diagnostic, help));
    }

    pub(super) fn complain(&mut self, field: &str, message: &str) {
        self.refuse(field, (message.to_owned(), None));
    }

    fn at(&self, field: &str) -> String {
        if field.is_empty() {
            self.path.clone()
        } else {
            format!("{}.{field}", self.path)
        }
    }
}

pub(super) fn kind_and_name(pod: &PodRef) -> (Kind, &NamespacedName) {
    match pod {
        PodRef::Pod(name) => (Kind::Pod, name),
        PodRef::Deployment(name) => (Kind::Deployment, name),
    }
}

fn flatten(document: Document, objects: &mut Vec<Located<Object>>) {
    match document {
        Document::Object(object) => objects.push(*object),
        Document::Several(documents) => documents
            .into_iter()
            .for_each(|document| flatten(document, objects)),
        Document::Scenario(_) | Document::Nothing => {}
    }
}
