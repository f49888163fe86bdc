//! What is written into `metadata.managedFields`.

use super::*;

#[test]
fn a_created_object_belongs_to_its_creator_as_in_kubernetes() {
    // As a cluster shows it after `kubectl create deployment web --image=nginx:1`.
    let kind = Kind::Deployment;
    let fields = change(
        &deployment(json!({})),
        json!({"metadata": {"labels": {"app": "web"}}}),
    );
    let created = written_by(&manager("kubectl-create"), None, kind, &object(kind, fields));
    assert_eq!(
        managed_fields(&created),
        &json!([{
            "manager": "kubectl-create",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "time": "1970-01-01T02:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:progressDeadlineSeconds": {},
                    "f:replicas": {},
                    "f:revisionHistoryLimit": {},
                    "f:selector": {},
                    "f:strategy": {
                        "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}},
                        "f:type": {},
                    },
                    "f:template": {
                        "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                        "f:spec": {
                            "f:containers": {"k:{\"name\":\"web\"}": {
                                ".": {},
                                "f:image": {},
                                "f:imagePullPolicy": {},
                                "f:name": {},
                                "f:resources": {},
                                "f:terminationMessagePath": {},
                                "f:terminationMessagePolicy": {},
                            }},
                            "f:dnsPolicy": {},
                            "f:restartPolicy": {},
                            "f:schedulerName": {},
                            "f:securityContext": {},
                            "f:terminationGracePeriodSeconds": {},
                        },
                    },
                },
            },
        }])
    );
}

#[test]
fn a_controller_owns_the_status_that_it_writes() {
    let kind = Kind::Deployment;
    let object = object(kind, deployment(json!({})));
    let created = written_by(&manager("kubectl-create"), None, kind, &object);
    let status = json!({"status": {
        "replicas": 1,
        "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}],
    }});
    let controller = at_subresource("kube-controller-manager", "status");
    // A label in a request to the subresource is ignored.
    let labelled = change(&status, json!({"metadata": {"labels": {"a": "b"}}}));
    let updated = written_by(&controller, Some(&created), kind, &change(&created, labelled));
    assert_eq!(
        owned_by("kube-controller-manager Update/status", &updated),
        json!({"f:status": {
            "f:conditions": {
                ".": {},
                "k:{\"type\":\"Available\"}": {".": {}, "f:reason": {}, "f:status": {}, "f:type": {}},
            },
            "f:replicas": {},
        }})
    );
    assert_eq!(
        owned_by("kubectl-create Update", &updated),
        owned_by("kubectl-create Update", &created)
    );
    // And a status in a request to the object.
    let ignored = written_by(
        &manager("kubectl-edit"),
        Some(&created),
        kind,
        &change(&created, status.clone()),
    );
    assert_eq!(owners(&ignored), owners(&created));
    let applied = applied_by(
        "kubectl",
        Some(&created),
        kind,
        change(&deployment(json!({})), status),
    )
    .unwrap();
    assert_eq!(owned_by("kubectl Apply", &applied).get("f:status"), None);
}

#[test]
fn an_applier_owns_what_it_applies_and_no_defaults() {
    let ports = json!({"spec": {"ports": [{"name": "http", "port": 80}], "selector": {"app": "web"}}});
    let service = applied_by("kubectl", None, Kind::Service, ports).unwrap();
    assert_eq!(service["spec"]["ports"][0]["protocol"], "TCP");
    assert_eq!(
        owners(&service),
        [(
            "kubectl Apply".to_owned(),
            json!({"f:spec": {
                "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}}},
                "f:selector": {},
            }}),
        )]
    );
}

#[test]
fn who_changes_a_field_owns_it_and_who_removes_it_leaves_it_to_nobody() {
    let kind = Kind::ConfigMap;
    let data = |data: Value| object(kind, json!({"data": data}));
    let created = written_by(
        &manager("first"),
        None,
        kind,
        &data(json!({"a": "1", "b": "1", "c": "1"})),
    );
    let changed = change(&created, json!({"data": {"a": "2", "b": null, "d": "1"}}));
    let changed = written_by(&manager("second"), Some(&created), kind, &changed);
    assert_eq!(
        owners(&changed),
        [
            ("first Update".to_owned(), json!({"f:data": {".": {}, "f:c": {}}})),
            (
                "second Update".to_owned(),
                json!({"f:data": {"f:a": {}, "f:d": {}}})
            ),
        ]
    );
    // Everything of the first one's is taken, and it is forgotten.
    for nothing in [json!(null), json!({})] {
        let mut emptied = change(&changed, json!({"data": null}));
        emptied["data"] = nothing;
        let emptied = written_by(&manager("third"), Some(&changed), kind, &emptied);
        assert_eq!(owners(&emptied), []);
    }
}

#[test]
fn several_changes_by_one_manager_are_one_entry_and_those_at_a_subresource_another() {
    let kind = Kind::Deployment;
    let created = written_by(&manager("a"), None, kind, &object(kind, deployment(json!({}))));
    let scaled = change(&created, json!({"spec": {"replicas": 2}}));
    let scaled = written_by(&at_subresource("a", "scale"), Some(&created), kind, &scaled);
    assert_eq!(
        owned_by("a Update/scale", &scaled),
        json!({"f:spec": {"f:replicas": {}}})
    );
    assert_eq!(owned_by("a Update", &scaled)["f:spec"].get("f:replicas"), None);
    let again = change(&scaled, json!({"spec": {"replicas": 3}}));
    let again = written_by(&manager("a"), Some(&scaled), kind, &again);
    assert_eq!(owners(&again), owners(&created));
}

#[test]
fn elements_that_cannot_be_told_apart_are_owned_together() {
    let kind = Kind::Deployment;
    let env = |env: Value| {
        let containers = json!([{"name": "web", "image": "nginx:1", "env": env}]);
        object(
            kind,
            deployment(json!({"template": {"spec": {"containers": containers}}})),
        )
    };
    let path = "/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"web\"}/f:env";
    let env_of = |object: &Value| {
        let fields = owned_by("a Update", object);
        fields.pointer(path).cloned().unwrap_or_default()
    };
    let twice = env(json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]));
    let twice = written_by(&manager("a"), None, kind, &twice);
    assert_eq!(env_of(&twice), json!({".": {}, "k:{\"name\":\"A\"}": {}}));
    let other = env(json!([{"name": "A", "value": "1"}, {"name": "A", "value": "3"}]));
    let other = change(&other, json!({"metadata": twice["metadata"]}));
    let other = written_by(&manager("b"), Some(&twice), kind, &other);
    assert_eq!(env_of(&other), json!({}));
    let once = change(
        &env(json!([{"name": "A", "value": "1"}])),
        json!({"metadata": twice["metadata"]}),
    );
    let once = written_by(&manager("a"), Some(&twice), kind, &once);
    let of_one = json!({".": {}, "f:name": {}, "f:value": {}});
    assert_eq!(env_of(&once), json!({".": {}, "k:{\"name\":\"A\"}": of_one}));
}

#[test]
fn an_object_whose_owners_are_not_known_is_not_tracked_until_it_is_applied() {
    let kind = Kind::ConfigMap;
    let old = object(kind, json!({"data": {"a": "1"}}));
    let changed = written_by(
        &manager("a"),
        Some(&old),
        kind,
        &change(&old, json!({"data": {"a": "2"}})),
    );
    assert_eq!(changed["metadata"].get("managedFields"), None);
    let applied = applied_by("kubectl", Some(&old), kind, json!({"data": {"b": "1"}})).unwrap();
    assert_eq!(
        owners(&applied),
        [
            ("kubectl Apply".to_owned(), json!({"f:data": {"f:b": {}}})),
            (
                "before-first-apply Update".to_owned(),
                json!({"f:data": {".": {}, "f:a": {}}})
            ),
        ]
    );
}

#[test]
fn a_client_can_make_all_owners_forgotten_or_write_them_itself() {
    let kind = Kind::ConfigMap;
    let created = written_by(
        &manager("a"),
        None,
        kind,
        &object(kind, json!({"data": {"a": "1"}})),
    );
    let with = |entries: Value| {
        let changed = change(&created, json!({"metadata": {"managedFields": entries}}));
        written_by(&manager("a"), Some(&created), kind, &changed)
    };
    let entry = |manager: &str| {
        json!({
            "manager": manager,
            "operation": "Update",
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}},
        })
    };
    // But not by a request for a subresource.
    let changed = change(&created, json!({"metadata": {"managedFields": [entry("b")]}}));
    let ignored = written_by(&at_subresource("a", "status"), Some(&created), kind, &changed);
    assert_eq!(owners(&ignored), owners(&created));
    for forgotten in [json!([]), json!([{}])] {
        assert_eq!(owners(&with(forgotten)), []);
    }
    assert_eq!(owners(&with(Value::Null)), owners(&created));
    assert_eq!(owners(&with(json!([{"manager": "b"}]))), owners(&created));
    let given = with(json!([
        entry("b"),
        change(&entry("c"), json!({"apiVersion": "v0"}))
    ]));
    assert_eq!(
        owners(&given),
        [("b Update".to_owned(), json!({"f:data": {"f:a": {}}}))]
    );
}

#[test]
fn the_oldest_of_too_many_updates_are_remembered_together() {
    let kind = Kind::ConfigMap;
    let mut live = applied_by("kubectl", None, kind, json!({"data": {"a": "0"}})).unwrap();
    for hour in 1..=12 {
        let mut new = change(&live, json!({"data": {format!("k{hour:02}"): "1"}}));
        track(
            Some(&live),
            &mut new,
            kind,
            &manager(&format!("m{hour:02}")),
            at(hour),
        );
        live = new;
        assert!(owners(&live).len() <= 11, "after {hour} hours");
    }
    let names: Vec<String> = owners(&live).into_iter().map(|(owner, _)| owner).collect();
    let later = (4..=12).map(|hour| format!("m{hour:02} Update"));
    let expected = ["kubectl Apply".to_owned(), "ancient-changes Update".to_owned()];
    assert_eq!(names, expected.into_iter().chain(later).collect::<Vec<_>>());
    assert_eq!(
        owned_by("ancient-changes Update", &live),
        json!({"f:data": {"f:k01": {}, "f:k02": {}, "f:k03": {}}})
    );
    assert_eq!(managed_fields(&live)[1]["time"], "1970-01-01T03:00:00Z");
}

#[test]
fn who_applies_a_status_owns_the_status_only() {
    let kind = Kind::Deployment;
    let live = written_by(
        &manager("kubectl-create"),
        None,
        kind,
        &object(kind, deployment(json!({}))),
    );
    let status = json!({"conditions": [{"type": "Progressing", "status": "True"}], "replicas": 1});
    let applied = object(
        kind,
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 1}, "status": status}),
    );
    let controller = at_subresource("", "status");
    let applied = apply(Some(&live), &applied, kind, &controller, false, at(3)).unwrap();
    let condition = json!({".": {}, "f:status": {}, "f:type": {}});
    assert_eq!(
        owned_by("unknown Apply/status", &applied),
        json!({"f:status": {"f:conditions": {"k:{\"type\":\"Progressing\"}": condition}, "f:replicas": {}}})
    );
    assert_eq!(applied["status"], status);
}

#[test]
fn only_other_times_are_no_change() {
    let kind = Kind::ConfigMap;
    let old = applied_by("kubectl", None, kind, json!({"data": {"a": "1"}})).unwrap();
    let later = change(
        &old,
        json!({"metadata": {"managedFields": [
            change(&managed_fields(&old)[0], json!({"time": "1970-01-01T09:00:00Z"})),
        ]}}),
    );
    for (mut new, is_old) in [
        (later.clone(), true),
        (change(&later, json!({"data": {"a": "2"}})), false),
        (change(&later, json!({"metadata": {"managedFields": []}})), false),
    ] {
        let before = new.clone();
        keep_times(&old, &mut new, kind);
        assert_eq!(new, if is_old { old.clone() } else { before });
    }
}
