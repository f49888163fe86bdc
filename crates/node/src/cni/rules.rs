//! Rules as text, with the addresses that are a cluster's own put into them.

use podlab_kernel::netns::Netns;
use podlab_kernel::nft::Nft;
use tokio::task::spawn_blocking;

use super::CniError;

/// Loads the rules of a file into a namespace, with values in place of names.
pub(super) async fn load(
    netns: Netns,
    file: &'static str,
    rules: &'static str,
    values: &[(&str, String)],
) -> Result<(), CniError> {
    let rules = values.iter().fold(rules.to_owned(), |rules, (name, value)| {
        rules.replace(name, value)
    });
    spawn_blocking(move || Nft::new(netns)?.load(&rules))
        .await
        .map_err(CniError::because("run nft"))?
        .map_err(CniError::because(format!("load {file}")))
}
