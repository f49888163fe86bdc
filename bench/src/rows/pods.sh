# The network of as many pods as wanted, by ip: pods.sh build|down PODS
set -e

pods=$2

build() {
    ip link add cni0 type bridge
    ip address add 10.244.0.1/16 dev cni0
    ip link set cni0 up
    pod=0
    while [ "$pod" -lt "$pods" ]; do
        address=10.244.$(((pod + 2) / 256)).$(((pod + 2) % 256))
        ip netns add "pod$pod"
        ip link add "veth$pod" master cni0 type veth peer name eth0 netns "pod$pod"
        ip link set "veth$pod" up type bridge_slave isolated on
        ip -n "pod$pod" link set lo up
        ip -n "pod$pod" link set eth0 up
        ip -n "pod$pod" address add "$address/32" dev eth0
        ip -n "pod$pod" route add 10.244.0.1 dev eth0 scope link
        ip -n "pod$pod" route add default via 10.244.0.1
        pod=$((pod + 1))
    done
}

down() {
    pod=0
    while [ "$pod" -lt "$pods" ]; do
        ip netns del "pod$pod"
        pod=$((pod + 1))
    done
}

"$1"
