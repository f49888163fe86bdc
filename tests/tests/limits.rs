//! Inputs that are too much: whatever it is, it is refused or borne, soon, and within a gigabyte of memory.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use podlab_tests::live::Place;
use podlab_tests::processes::{number_in_status, sandbox_of};
use podlab_tests::{User, binary, printed};

/// A hundred times what it takes: what is meant is that it ends, also where tests aren't optimised and machines are busy.
const SOON: Duration = Duration::from_secs(60);

/// `podlab ARGUMENTS…` with this on its standard input, and a gigabyte of memory.
fn fed(arguments: &[&str], write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 1048576 && exec \"$0\" \"$@\""]);
    command.arg(binary()).args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let start = Instant::now();
    let mut podlab = command.spawn().expect("podlab runs");
    let mut stdin = podlab.stdin.take().expect("it is a pipe");
    let output = std::thread::scope(|scope| {
        let reader = scope.spawn(|| podlab.wait_with_output().expect("podlab ends"));
        // Whoever has read enough doesn't read the rest.
        let _ = write(&mut stdin);
        drop(stdin);
        reader.join().expect("it reads")
    });
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    output
}

/// That it is refused for this reason, in few words.
fn refused(text: &str, why: &str) {
    let output = fed(&["validate", "-"], |input| input.write_all(text.as_bytes()));
    is_refused(&output, why);
}

fn is_refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.len() < 200_000,
        "{} bytes are said: {}",
        said.len(),
        &said[..1_000]
    );
    assert_eq!(output.status.code(), Some(2), "{}", printed(output));
    assert!(said.contains(why), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// A pod with these fields in its spec.
fn pod(spec: &str) -> String {
    format!("{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{{spec}}}}}\n")
}

/// Ten of ten of ten…
fn laughs() -> String {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let ten = format!("*a{}, ", level - 1).repeat(10);
        laughs.push_str(&format!("a{level}: &a{level} [{ten}]\n"));
    }
    laughs
}

#[test]
fn aliases_do_not_multiply() {
    refused(&laughs(), "document contains excessive aliasing");
    let long = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(1_000_000),
        "*a, ".repeat(100_000)
    );
    refused(&long, "document contains excessive aliasing");
    let anchors: String = (0..90).map(|number| format!("&a{number} [")).collect();
    let nested = format!("{anchors}{}{}\n", "x, ".repeat(200_000), "]".repeat(90));
    refused(&nested, "document contains excessive aliasing");
    let keys = |from: u32| -> String {
        (from..from + 20_000)
            .map(|number| format!("k{number}: 1, "))
            .collect()
    };
    let merged = format!("a: &a {{{}}}\nb: {{<<: *a, {}}}\n", keys(0), keys(20_000));
    refused(&merged, "apiVersion not set");
}

#[test]
fn nothing_is_nested_too_deep() {
    for open in ["[", "- ", "{a: ", "? ", "{\"a\":", "[{\"a\":", "&a [", "!!seq ["] {
        refused(&open.repeat(100_000), ":1:");
    }
    let indented: String = (0..3_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    refused(&indented, "nested more than 100 deep");
}

#[test]
fn a_hundred_megabytes_are_too_many() {
    let megabyte = |unit: &str| unit.repeat((1 << 20) / unit.len());
    for unit in ["# nothing\n", "x", "a\n---\n", "- {a: b}\n", "\n", "[", "\u{e9}"] {
        let megabyte = megabyte(unit);
        let output = fed(&["validate", "-"], |input| {
            (0..100).try_for_each(|_| input.write_all(megabyte.as_bytes()))
        });
        is_refused(&output, "manifests must be at most 16 MiB, all files together");
    }
}

#[test]
fn what_is_wrong_a_million_times_is_told_a_hundred_times() {
    for (unit, count, why) in [
        ("a\n---\n", 1_000_000, "a document must be an object"),
        ("{\n---\n", 100_000, "invalid YAML"),
        ("[],", 100_000, "invalid YAML"),
        ("{apiVersion: v1, kind: Pod}\n---\n", 20_000, "Required value"),
    ] {
        refused(&unit.repeat(count), why);
    }
    let fields: String = (0..100_000).map(|number| format!("field{number}: 1, ")).collect();
    refused(&pod(&fields), "unknown field \"spec.field0\"");
    let items = "{apiVersion: v1, kind: Pod, metadata: {name: A}, spec: {containers: 1}}, ".repeat(10_000);
    refused(
        &format!("{{apiVersion: v1, kind: List, items: [{items}]}}"),
        "must be a list",
    );
}

#[test]
fn names_and_numbers_may_be_of_any_size() {
    let name = "n".repeat(1_000_000);
    refused(
        &pod("containers: [{name: c, image: i}]").replace("web", &name),
        "metadata.name: Invalid value",
    );
    refused(
        &pod(&format!("containers: [{{name: {name}, image: i}}]")),
        " bytes] ",
    );
    for number in [
        "9223372036854775807",
        "18446744073709551616",
        "-9223372036854775809",
        "1e400",
        "0x7fffffffffffffff",
    ] {
        let ports = format!("containers: [{{name: c, image: i, ports: [{{containerPort: {number}}}]}}]");
        refused(&pod(&ports), "containerPort");
        let deployment = format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{replicas: {number}, selector: \
             {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: []}}}}}}}}"
        );
        refused(&deployment, "replicas");
    }
}

#[test]
fn a_hundred_thousand_ports_and_containers_are_looked_at() {
    let all =
        |item: &dyn Fn(u32) -> String| -> String { (0..100_000).map(|number| item(number) + ", ").collect() };
    let valid = |spec: &str| {
        let output = fed(&["validate", "-"], |input| input.write_all(pod(spec).as_bytes()));
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let ports = all(&|number| format!("{{containerPort: {}, name: p{number}}}", number % 65_535 + 1));
    let said = valid(&format!("containers: [{{name: c, image: i, ports: [{ports}]}}]"));
    assert!(said.contains("duplicate port definition"), "{said}");
    let same = all(&|_| "{containerPort: 80}".to_owned());
    let said = valid(&format!("containers: [{{name: c, image: i, ports: [{same}]}}]"));
    assert!(said.contains("duplicate port definition"), "{said}");
    valid(&format!(
        "containers: [{}]",
        all(&|number| format!("{{name: c{number}, image: i}}"))
    ));

    let same = all(&|_| "{name: c, image: i}".to_owned());
    refused(&pod(&format!("containers: [{same}]")), "Duplicate value");
    let service = format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: web}}, spec: {{ports: [{}]}}}}",
        all(&|number| format!("{{port: {}, name: p{number}}}", number % 65_535 + 1))
    );
    refused(&service, "Duplicate value");
}

#[test]
fn more_items_and_signs_than_memory_can_hold_are_refused_before() {
    let containers = |count| {
        pod(&format!(
            "containers: [{}]",
            "{name: c, image: i}, ".repeat(count)
        ))
    };
    let too_many = "the lists of an object may have at most 120000 items, all together";
    refused(&containers(130_000), too_many);
    let too_much = "more than 600000 of the signs []{},&!? in a document";
    refused(&containers(500_000), too_much);
    for unit in ["[],", "a,", "{},", "a: b,", "? a : b,", "&a !!str a: &b !!str b,"] {
        let size = 15 << 20;
        refused(&format!("[{}]", unit.repeat(size / unit.len())), too_much);
        // What is just not too much fits.
        let signs = unit.bytes().filter(|byte| b"[]{},&!?".contains(byte)).count();
        let most = format!("[{}]", unit.repeat(599_000 / signs));
        refused(
            &most,
            if unit.starts_with('&') {
                "excessive aliasing"
            } else {
                "a document must be an object"
            },
        );
    }
}

#[test]
fn a_billion_replicas_are_not_built() {
    let deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1000000000, selector: \
                      {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: \
                      podlab/pause}]}}}}\n";
    let scenario = "---\n{apiVersion: podlab.dev/v1alpha1, kind: Scenario, metadata: {name: s}, spec: {steps: [{name: s, \
                    scale: {deployment: web, replicas: 2}}]}}\n";
    let run = fed(&["run", "-"], |input| {
        input.write_all(deployment.as_bytes())?;
        input.write_all(scenario.as_bytes())
    });
    is_refused(&run, "there are to be 1000000001");
}

/// What a live cluster of a node with room for 13 pods takes.
#[test]
fn a_live_cluster_bears_a_billion_replicas_and_refuses_what_is_too_large() {
    let place = Place::new(User::all()[0]);
    let cluster = place.up(
        "limits",
        "apiVersion: podlab.dev/v1alpha1
kind: Scenario
metadata: {name: small}
spec:
  cluster: {nodeCIDRMaskSize: 28}
  steps: [{name: s, scale: {deployment: web, replicas: 2}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: podlab/pause}]}
",
    );
    let refuses = |path: &str, media_type: &str, body: &str, expected: u16, why: &str| {
        let method = if media_type.contains("patch") {
            "PATCH"
        } else {
            "POST"
        };
        let answered = cluster.send(method, path, media_type, body.as_bytes());
        let (code, said) = answered.expect("it answers");
        assert_eq!(code, expected, "{said}");
        assert!(said.contains(why), "{said}");
    };
    let maps = "/api/v1/namespaces/default/configmaps";
    let map = "/api/v1/namespaces/default/configmaps/m?fieldManager=t";
    // It doesn't wait for what is announced. That no number is so large, HTTP itself knows.
    for (length, expected) in [("104857600", 413), ("18446744073709551615", 431)] {
        let headers = format!("Content-Length: {length}\r\n");
        let (code, said) = cluster.ask("POST", maps, &headers, &[]).expect("it answers");
        assert_eq!(code, expected, "{said}");
    }
    let announced = format!("{:x}\r\n", 100 << 20);
    let part = announced + &"x".repeat(4 << 20);
    let chunked = cluster.ask("POST", maps, "Transfer-Encoding: chunked\r\n", part.as_bytes());
    // It doesn't wait for what is still to come, and may have hung up before the answer was read.
    assert!(chunked.is_err() || matches!(chunked, Ok((413, _))), "{chunked:?}");
    let nested = "[".repeat(100_000);
    refuses(
        maps,
        "application/json",
        &format!("{{\"a\":{nested}"),
        400,
        "BadRequest",
    );
    refuses(maps, "application/yaml", &nested, 400, "BadRequest");
    refuses(map, "application/apply-patch+yaml", &nested, 400, "BadRequest");
    refuses(
        map,
        "application/apply-patch+yaml",
        &laughs(),
        400,
        "excessive aliasing",
    );
    let many = format!(
        "{{\"spec\":{{\"containers\":[{}{{}}]}}}}",
        "{},".repeat(1_000_000)
    );
    let pods = "/api/v1/namespaces/default/pods";
    let too_many = "the lists of an object may have at most 120000 items, all together";
    refuses(pods, "application/json", &many, 400, too_many);
    let apply = format!("{pods}/p?fieldManager=t");
    let too_much = "more than 600000 of the signs []{},&!? in a document";
    refuses(&apply, "application/apply-patch+yaml", &many, 400, too_much);
    let name = "n".repeat(1_000_000);
    refuses(
        maps,
        "application/json",
        &format!("{{\"metadata\":{{\"name\":\"{name}\"}}}}"),
        422,
        "Invalid",
    );

    let web = "/apis/apps/v1/namespaces/default/deployments/web";
    let scale = |replicas: u32| {
        let body = format!("{{\"spec\":{{\"replicas\":{replicas}}}}}");
        let path = format!("{web}/scale");
        let (code, said) = cluster
            .send("PATCH", &path, "application/merge-patch+json", body.as_bytes())
            .expect("it answers");
        assert_eq!(code, 200, "{said}");
    };
    let count = || {
        let (_, list) = cluster
            .get("/api/v1/namespaces/default/pods?limit=1")
            .expect("it answers");
        let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
        list["items"].as_array().map_or(0, Vec::len) as u64
            + list["metadata"]["remainingItemCount"].as_u64().unwrap_or(0)
    };
    let in_time = |what: &str, so: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(180);
        while !so() {
            assert!(Instant::now() < deadline, "not in time: {what}; {} pods", count());
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    scale(1_000_000_000);
    in_time("the set says why it has no more", &|| {
        let (_, sets) = cluster
            .get("/apis/apps/v1/namespaces/default/replicasets")
            .expect("it answers");
        sets.contains("exceeded quota: podlab, requested: pods=1, used: pods=5000, limited: pods=5000")
    });
    scale(1);
    in_time("the pods go", &|| count() == 1);
    let cluster = sandbox_of(place.supervisor("limits").as_raw());
    let peak = number_in_status(cluster, "VmHWM");
    println!("{peak} kB");
    assert!(peak < 1 << 20, "{peak} kB");
}
