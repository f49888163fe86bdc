#!/usr/bin/env bash
# Compares the cluster's name server with dnsmasq, side by side: both in a pod behind a ClusterIP, with the names of the
# same Services, asked by dnsperf in another pod; in turns, for the most that each can do, and at a fixed pace.
#   scripts/bench-dns.sh PODLAB [SERVICES] [SECONDS]
# Needs dnsmasq and dnsperf.
set -euo pipefail

podlab=$1
services=${2:-10000}
seconds=${3:-3}
cd "$(dirname "$0")/.."
# Pods see it there; they have a /tmp of their own.
folder=$(mktemp -d /var/tmp/bench-dns-XXXXXX)
trap 'rm -rf "$folder"' EXIT

# Addresses from 10.97.0.1 on, above those that Kubernetes keeps.
awk -v services="$services" -v folder="$folder" 'BEGIN {
    for (n = 0; n < services; n++) {
        address = "10." 97 + int(n / 65536) "." int(n / 256) % 256 "." n % 256
        if (n % 256 == 0 || n % 256 == 255) continue
        name = "web-" n ".default.svc.cluster.local"
        print address, name > (folder "/hosts")
        print name, "A" > (folder "/queries")
        printf "apiVersion: v1\nkind: Service\nmetadata: {name: web-%d}\nspec: {clusterIP: %s, ports: [{port: 80}]}\n---\n", \
            n, address > (folder "/scenario.yaml")
    }
}'
perf="dnsperf -d $folder/queries -l $seconds -c 4"
cat >> "$folder/scenario.yaml" << YAML
apiVersion: v1
kind: Service
metadata: {name: dnsmasq}
spec:
  selector: {app: dnsmasq}
  clusterIP: 10.96.0.11
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}]
---
apiVersion: v1
kind: Pod
metadata: {name: dnsmasq, labels: {app: dnsmasq}}
spec:
  enableServiceLinks: false # so many variables are too many for a program
  containers:
  - name: dnsmasq
    image: dnsmasq
    command: [dnsmasq, --keep-in-foreground, --no-resolv, --no-hosts, --addn-hosts=$folder/hosts, --user=root,
      --conf-file=/dev/null, --pid-file=/tmp/dnsmasq.pid, --local-ttl=5]
    readinessProbe: {tcpSocket: {port: 53}}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {enableServiceLinks: false, containers: [{name: client, image: podlab/pause}]}
---
apiVersion: podlab.dev/v1alpha1
kind: Scenario
metadata: {name: bench-dns}
spec:
  requires: [dnsmasq, dnsperf]
  steps:
YAML
step() {
    cat >> "$folder/scenario.yaml" << YAML
  - {name: "$1", from: pod/client, timeout: 60s, exec: [sh, $folder/$2, $3]}
YAML
}
# Queries per second.
cat > "$folder/fastest" << SH
$perf -s \$1 2> /dev/null | awk '/Queries per second/ { printf "%d a second\n", \$4 }'
SH
# Half, and 99 of 100, of the answers come within this time.
cat > "$folder/paced" << SH
$perf -s \$1 -Q 20000 -v 2> /dev/null | awk '/^> / { print \$NF * 1000 }' | sort -n |
    awk '{ t[NR] = \$1 } END { printf "%d answers: p50 %.2f ms, p99 %.2f ms\n", NR, t[int(NR / 2)], t[int(NR * .99)] }'
SH
for _ in 1 2 3; do
    step "podlab, as fast as it can" fastest 10.96.0.10
    step "dnsmasq, as fast as it can" fastest 10.96.0.11
done
for _ in 1 2 3; do
    step "podlab, 20,000 a second" paced 10.96.0.10
    step "dnsmasq, 20,000 a second" paced 10.96.0.11
done
"$podlab" run "$folder/scenario.yaml" | sed -n '/^[✓✗]/,$p'
