//! Forgets which clients stayed where, for services that don't want them to stay any longer.
//!
//! Nothing depends on it but memory: nobody has the identities that are forgotten.

use std::collections::BTreeSet;

use podlab_kernel::nft::{Nft, NftError};
use serde_json::Value;

use crate::elements::{Frontend, TABLE};

/// Removes what `affinity` holds for these. The map is listed, so its size counts; but such a change is rare.
///
/// # Errors
/// [`NftError::Refused`], also when a client's time has passed in between.
pub(crate) fn forget(nft: &Nft, frontends: &BTreeSet<Frontend>) -> Result<(), NftError> {
    if frontends.is_empty() {
        return Ok(());
    }
    let listed: Value = serde_json::from_str(&nft.list(&["-j", "list", "map", "ip", TABLE, "affinity"])?)?;
    let maps = listed["nftables"].as_array().into_iter().flatten();
    let keys = maps
        .flat_map(|object| object["map"]["elem"].as_array().into_iter().flatten())
        .map(|element| element[0]["elem"]["val"].clone());
    let stale: Vec<String> = keys.filter_map(|key| text_of(&key, frontends)).collect();
    if stale.is_empty() {
        return Ok(());
    }
    nft.load(&format!(
        "delete element ip {TABLE} affinity {{ {} }}",
        stale.join(", ")
    ))
}

/// A key, `client . ClusterIP . protocol . port`, if it is of one of these.
fn text_of(key: &Value, frontends: &BTreeSet<Frontend>) -> Option<String> {
    let client = key["concat"][0].as_str()?;
    let frontend = frontends.iter().find(|frontend| {
        key["concat"][1] == frontend.address.to_string()
            && key["concat"][2] == frontend.protocol.to_string()
            && key["concat"][3] == frontend.port
    })?;
    Some(format!("{client} . {frontend}"))
}
