//! What runs in place of an image: a built-in workload, or a program of this machine.

use podlab_api::scenario::Program;

use crate::process::SELF;

/// What an image's name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint {
    /// Program and arguments; a container's `args` come after them.
    pub argv: Vec<String>,
    /// The user it runs as when the manifest doesn't say; root when missing.
    pub user: Option<u32>,
    /// What it reads.
    pub input: Input,
}

/// What a container's program can read from its standard input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    #[default]
    Nothing,
    /// The changes of the cluster, written by the kubelet: a line each, in the form of Kubernetes' watches.
    Watch,
}

/// What stands for a built-in image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The arguments of `podlab workload`.
    pub arguments: Vec<String>,
    /// What it reads.
    pub input: Input,
}

/// Finds a built-in image by its name.
pub type BuiltIn = fn(&str) -> Option<Workload>;

/// Images by name: what a scenario adds, then podlab's own workloads, then programs that many machines have.
#[derive(Debug, Clone)]
pub struct Images {
    added: Vec<Program>,
    built_in: BuiltIn,
}

/// An image that nothing stands for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "podlab runs no images, and nothing of this machine stands for \"{0}\": give the container a `command` of \
     this machine, use a built-in image such as podlab/echo, or name a program for it under `programs` of a Scenario"
)]
pub struct UnknownImage(pub String);

/// The user that programs run as which refuse to be root: `nobody`.
const NOBODY: u32 = 65534;

/// Starts a PostgreSQL server with a fresh data directory, as the official image does with its environment.
const POSTGRES: &str = r#"set -e
PATH="$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"
data="${PGDATA:-/tmp/postgresql/data}"
if [ ! -e "$data/PG_VERSION" ]; then
    mkdir -p "$data"
    initdb --pgdata "$data" --username "${POSTGRES_USER:-postgres}" --auth trust --no-sync --no-instructions > /dev/null
    echo "host all all all trust" >> "$data/pg_hba.conf"
fi
if [ "${POSTGRES_DB:-postgres}" != postgres ]; then
    echo "CREATE DATABASE \"$POSTGRES_DB\"" |
        postgres --single -D "$data" postgres > /dev/null 2>&1 || true
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off "$@""#;

/// Names of well-known images, the program of this machine that stands for them, and the user it runs as.
const HOST_PROGRAMS: &[(&str, &[&str], Option<u32>)] = &[
    ("curlimages/curl", &["curl"], None),
    ("httpd", &["apache2", "-D", "FOREGROUND"], None),
    ("memcached", &["memcached", "-u", "nobody"], None),
    ("nginx", &["nginx", "-g", "daemon off;"], None),
    ("postgres", &["sh", "-c", POSTGRES, "postgres"], Some(NOBODY)),
    ("python", &["python3"], None),
    ("redis", &["redis-server", "--protected-mode", "no"], None),
];

impl EntryPoint {
    /// A program that runs as root, and reads nothing.
    pub(crate) fn new(argv: Vec<String>) -> Self {
        Self {
            argv,
            user: None,
            input: Input::Nothing,
        }
    }
}

impl Images {
    /// The table with a scenario's own entries before all others.
    pub fn new(added: Vec<Program>, built_in: BuiltIn) -> Self {
        Self { added, built_in }
    }

    /// What stands for an image.
    ///
    /// # Errors
    /// [`UnknownImage`], whose text lists the ways out.
    pub fn entry_point(&self, image: &str) -> Result<EntryPoint, UnknownImage> {
        let name = name_of(image);
        if let Some(program) = self.added.iter().find(|program| name_of(&program.image) == name) {
            return Ok(EntryPoint::new(program.command.clone()));
        }
        if let Some(Workload { arguments, input }) = (self.built_in)(name) {
            let argv = [SELF.to_owned(), "workload".to_owned()]
                .into_iter()
                .chain(arguments);
            return Ok(EntryPoint {
                input,
                ..EntryPoint::new(argv.collect())
            });
        }
        HOST_PROGRAMS
            .iter()
            .find(|(image, ..)| *image == name)
            .map(|(_, argv, user)| EntryPoint {
                user: *user,
                ..EntryPoint::new(argv.iter().map(ToString::to_string).collect())
            })
            .ok_or_else(|| UnknownImage(image.to_owned()))
    }
}

/// An image's name without tag, digest, and the registry that is meant when there is none.
fn name_of(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let path = image.rfind('/').map_or(0, |slash| slash + 1);
    let image = image[path..]
        .find(':')
        .map_or(image, |colon| &image[..path + colon]);
    let image = image.strip_prefix("docker.io/").unwrap_or(image);
    image.strip_prefix("library/").unwrap_or(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_with_tag_digest_and_default_registry() {
        for image in [
            "nginx",
            "nginx:1.27",
            "docker.io/library/nginx:1.27@sha256:00",
            "library/nginx",
            "docker.io/nginx",
        ] {
            assert_eq!(name_of(image), "nginx", "{image}");
        }
        assert_eq!(name_of("localhost:5000/team/app:v1"), "localhost:5000/team/app");
    }

    #[test]
    fn a_scenario_comes_first_then_built_ins_then_the_machine() {
        let built_in: BuiltIn = |image| {
            (image == "podlab/echo" || image == "redis").then(|| Workload {
                arguments: vec!["echo".into()],
                input: Input::Nothing,
            })
        };
        let added = vec![Program {
            image: "redis:7".into(),
            command: vec!["my-redis".into()],
        }];
        let images = Images::new(added, built_in);
        let argv = |image| images.entry_point(image).map(|entry| entry.argv.join(" "));
        assert_eq!(argv("redis:6").as_deref(), Ok("my-redis"));
        assert_eq!(
            argv("podlab/echo:v1").as_deref(),
            Ok("/proc/self/exe workload echo")
        );
        assert_eq!(argv("memcached").as_deref(), Ok("memcached -u nobody"));
        assert_eq!(
            argv("ghcr.io/team/app:v1"),
            Err(UnknownImage("ghcr.io/team/app:v1".into()))
        );
    }
}
