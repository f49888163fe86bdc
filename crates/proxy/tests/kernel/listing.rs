//! What the proxy's maps and sets hold, as nft lists them.

use std::collections::HashMap;

use podlab_kernel::nft::Nft;
use podlab_proxy::elements::{Element, Verdict};
use serde_json::Value;

/// All elements of services, in order: `MAP KEY : VALUE`, without slots and identities, which depend on how things
/// came about. What clients leave behind isn't among them.
pub(crate) fn listed(nft: &Nft) -> Vec<String> {
    let text = nft.list(&["-j", "list", "table", "ip", "podlab-proxy"]).unwrap();
    let listing: Value = serde_json::from_str(&text).unwrap();
    let objects = listing["nftables"].as_array().unwrap();
    let picks = objects.iter().find(|object| object["map"]["name"] == "picks");
    let picks = picks
        .into_iter()
        .flat_map(|object| object["map"]["elem"].as_array().unwrap());
    let picks = picks.map(|pick| (pick[0].to_string(), pick[1]["goto"]["target"].as_str().unwrap()));
    let picks: HashMap<_, _> = picks.collect();
    let mut elements = Vec::new();
    for object in objects {
        for kind in ["map", "set"] {
            let name = object[kind]["name"].as_str().unwrap_or_default();
            let all = object[kind]["elem"].as_array().into_iter().flatten();
            let others = all.filter(|_| !["affinity", "picks"].contains(&name));
            elements.extend(others.map(|element| in_words(name, element, &picks)));
        }
    }
    elements.sort();
    elements
}

/// The same of what is planned.
pub(crate) fn planned<'a>(elements: impl IntoIterator<Item = &'a Element>) -> Vec<String> {
    let in_words = |element: &Element| {
        let (map, key) = (element.map(), element.key().to_string());
        match element {
            Element::ServiceIp { verdict, .. } => format!("{map} {key} : {}", chain(verdict)),
            Element::Endpoint {
                frontend, endpoint, ..
            } => {
                format!("{map} {frontend} : {} . {}", endpoint.ip(), endpoint.port())
            }
            Element::Identity { frontend, .. } => format!("{map} {frontend}"),
            _ => format!("{map} {key}"),
        }
    };
    let mut elements: Vec<String> = elements.into_iter().map(in_words).collect();
    elements.sort();
    elements
}

/// The name of the chain that a service port leads to.
fn chain(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pick(chain) => chain.pick.chain(),
        Verdict::Drop => "not-here".to_owned(),
    }
}

fn in_words(map: &str, element: &Value, picks: &HashMap<String, &str>) -> String {
    let (key, value) = match map {
        "service-ips" | "endpoints" | "identities" => (&element[0], Some(&element[1])),
        _ => (element, None),
    };
    let key = if key["elem"].is_null() {
        key
    } else {
        &key["elem"]["val"]
    };
    let mut key = parts(key);
    match (map, value) {
        ("service-ips", Some(number)) => {
            format!("{map} {} : {}", key.join(" . "), picks[&number.to_string()])
        }
        ("endpoints", Some(endpoint)) => {
            key.pop();
            format!("{map} {} : {}", key.join(" . "), parts(endpoint).join(" . "))
        }
        ("identities", Some(_)) => {
            key.pop();
            format!("{map} {}", key.join(" . "))
        }
        _ => format!("{map} {}", key.join(" . ")),
    }
}

fn parts(value: &Value) -> Vec<String> {
    match value["concat"].as_array() {
        Some(parts) => parts.iter().map(text).collect(),
        None => vec![text(value)],
    }
}

fn text(value: &Value) -> String {
    match (value, &value["prefix"]) {
        (Value::String(text), _) => text.clone(),
        (Value::Object(_), prefix) => format!("{}/{}", prefix["addr"].as_str().unwrap(), prefix["len"]),
        (other, _) => other.to_string(),
    }
}
