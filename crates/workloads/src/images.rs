//! The images that podlab has built in.

/// The arguments of `podlab workload` that stand for an image, named without its tag.
pub fn lookup(image: &str) -> Option<Vec<String>> {
    let workload = match image {
        "podlab/echo" => "echo",
        "podlab/frontend" => "frontend",
        "podlab/backend" => "backend",
        "podlab/database" => "database",
        "podlab/pause" | "registry.k8s.io/pause" => "pause",
        _ => return None,
    };
    Some(vec![workload.to_owned()])
}
