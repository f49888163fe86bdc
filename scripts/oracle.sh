#!/bin/sh
# Compares what podlab refuses with what the JSON Schemas of Kubernetes refuse, as PyPI's kubernetes-validate has them.
# Needs a python3 that can make virtual environments.
set -eu
cd "$(dirname "$0")/.."

version=1.37.0
environment=target/oracle-$version
python=$PWD/$environment/bin/python
if ! "$python" -c "import kubernetes_validate" 2> /dev/null; then
    echo "podlab: installing kubernetes-validate $version into $environment" >&2
    python3 -m venv "$environment"
    "$python" -m pip install --quiet --disable-pip-version-check "kubernetes-validate==$version"
fi
export PODLAB_ORACLE="$python"
exec scripts/cargo.sh test --quiet --workspace --test oracle -- --ignored --nocapture
