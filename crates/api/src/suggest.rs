//! Guesses which name was meant.

/// The candidate that is so much like `name` that it is probably meant.
pub(crate) fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= name.len().max(candidate.len()).div_ceil(4).min(3))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_alike_is_suggested() {
        let fields = ["selector", "ports", "type", "clusterIP", "clusterIPs"];
        for (name, expected) in [
            ("selectr", Some("selector")),
            ("Selector", Some("selector")),
            ("port", Some("ports")),
            ("tpye", Some("type")),
            ("clusterIp", Some("clusterIP")),
            ("replicas", None),
            ("x", None),
        ] {
            assert_eq!(suggest(name, fields), expected, "{name}");
        }
    }
}
