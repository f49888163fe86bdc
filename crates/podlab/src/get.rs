//! `podlab get`: objects, as tables that the server makes, or whole.

mod rows;
mod whole;

use clap::ValueEnum;
use kube::api::{GetParams, ListParams, WatchParams};
use kube::core::Request;
use podlab_api::object::Kind;

use crate::api::{ask, objects};
use crate::args::Which;
use crate::exit;
use crate::failure::Failure;
use crate::naming::{Named, Within, named};

/// Show objects of a live cluster.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Kinds by any of their names, and perhaps objects: `pods,svc`, `pod web`, `pod/web svc/web`.
    #[arg(required = true, value_name = "KIND|NAME")]
    what: Vec<String>,
    #[command(flatten)]
    within: Within,
    /// Show those of all namespaces.
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Show only objects with these labels.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// The form, if not a table.
    #[arg(short, long, value_enum)]
    output: Option<Output>,
    /// Then show what changes, until Ctrl-C.
    #[arg(short, long)]
    watch: bool,
    #[command(flatten)]
    which: Which,
}

/// A form of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table with more columns.
    Wide,
    Yaml,
    Json,
    /// `KIND/NAME`
    Name,
}

/// A collection, or one object of it.
#[derive(Debug, Clone)]
struct Place {
    kind: Kind,
    name: Option<String>,
}

pub(crate) fn get(options: &Options) -> u8 {
    ask(&options.which, async |client| {
        let places = options.places()?;
        match (options.output, &*places) {
            (None | Some(Output::Wide), [place]) if options.watch => {
                rows::follow(options, &client, place).await
            }
            (Some(output), [place]) if options.watch => whole::follow(options, &client, place, output).await,
            (_, _) if options.watch => {
                let why = "you may only specify a single resource type";
                Err(Failure::Other(why.to_owned()))
            }
            (None | Some(Output::Wide), places) => rows::print(options, &client, places).await,
            (Some(output), places) => whole::print(options, &client, places, output).await,
        }
    })
}

impl Options {
    fn places(&self) -> Result<Vec<Place>, Failure> {
        let places: Vec<Place> = match named(&self.what).map_err(Failure::Other)? {
            Named::Kinds(kinds) => kinds.into_iter().map(|kind| Place { kind, name: None }).collect(),
            Named::Objects(objects) => {
                let why = match (self.all_namespaces, &self.selector) {
                    (true, _) => Some("a resource cannot be retrieved by name across all namespaces"),
                    (_, Some(_)) => Some("name cannot be provided when a selector is specified"),
                    _ => None,
                };
                if let Some(why) = why {
                    return Err(Failure::Other(why.to_owned()));
                }
                objects
                    .into_iter()
                    .map(|(kind, name)| Place {
                        kind,
                        name: Some(name),
                    })
                    .collect()
            }
        };
        Ok(places)
    }

    fn requests(&self, kind: Kind) -> Request {
        let namespace = (!self.all_namespaces).then_some(&*self.within.namespace);
        objects(kind, namespace)
    }

    /// What to ask for what is at a place.
    fn request(&self, place: &Place) -> Result<http::Request<Vec<u8>>, Failure> {
        let requests = self.requests(place.kind);
        Ok(match &place.name {
            Some(name) => requests.get(name, &GetParams::default())?,
            None => {
                let params = ListParams {
                    label_selector: self.selector.clone(),
                    ..ListParams::default()
                };
                requests.list(&params)?
            }
        })
    }

    /// What to ask for what changes at a place after a version.
    fn changes(&self, place: &Place, version: &str) -> Result<http::Request<Vec<u8>>, Failure> {
        let params = WatchParams {
            label_selector: self.selector.clone(),
            field_selector: place.name.as_ref().map(|name| format!("metadata.name={name}")),
            bookmarks: false,
            ..WatchParams::default()
        };
        Ok(self.requests(place.kind).watch(&params, version)?)
    }
}

/// Says of all failures; the exit code.
fn conclude(failures: &[Failure]) -> u8 {
    failures.iter().fold(exit::PASSED, |_, failure| failure.say())
}
