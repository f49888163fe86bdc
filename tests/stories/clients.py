"""What Python's client library does with a live cluster: lists, watches, programs in pods, and who is in the way of whom."""

import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.stream import stream

config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()


def container(command):
    return client.V1Container(name="main", image="podlab/pause", command=["sh", "-c", command])


def refused(call, *arguments):
    try:
        call(*arguments)
    except client.ApiException as error:
        return error.status, error.reason


labels = {"app": "sleeper"}
template = client.V1PodTemplateSpec(
    metadata=client.V1ObjectMeta(labels=labels),
    spec=client.V1PodSpec(containers=[container("echo awake; exec sleep 1000")]),
)
spec = client.V1DeploymentSpec(replicas=2, selector=client.V1LabelSelector(match_labels=labels), template=template)
apps.create_namespaced_deployment("default", client.V1Deployment(metadata=client.V1ObjectMeta(name="sleeper"), spec=spec))

ready = set()
watcher = watch.Watch()
for event in watcher.stream(core.list_namespaced_pod, "default", label_selector="app=sleeper", timeout_seconds=20):
    pod = event["object"]
    if pod.status.container_statuses and pod.status.container_statuses[0].ready:
        ready.add(pod.metadata.name)
    if len(ready) == 2:
        watcher.stop()
print("ready:", len(ready))

pod = sorted(ready)[0]
print("log:", core.read_namespaced_pod_log(pod, "default").strip())
program = stream(
    core.connect_get_namespaced_pod_exec, pod, "default", command=["sh", "-c", "echo out; echo err >&2; exit 3"],
    stdout=True, stderr=True, stdin=False, tty=False, _preload_content=False,
)
program.run_forever(timeout=10)
print("exec:", program.read_stdout().strip(), program.read_stderr().strip(), program.returncode)

# Sixteen writers, each of whom reads, adds one and writes, and begins anew when somebody else was faster.
core.create_namespaced_config_map("default", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="counter"), data={"n": "0"}))
conflicts = []


def count():
    own = client.CoreV1Api(client.ApiClient())
    for _ in range(25):
        while True:
            counter = own.read_namespaced_config_map("counter", "default")
            counter.data["n"] = str(int(counter.data["n"]) + 1)
            try:
                own.replace_namespaced_config_map("counter", "default", counter)
                break
            except client.ApiException as error:
                assert error.status == 409, error
                conflicts.append(error)


writers = [threading.Thread(target=count) for _ in range(16)]
for writer in writers:
    writer.start()
for writer in writers:
    writer.join()
print("counted:", core.read_namespaced_config_map("counter", "default").data["n"], "conflicts:", len(conflicts) > 0)

first = core.list_config_map_for_all_namespaces(limit=1)
rest = core.list_config_map_for_all_namespaces(limit=100, _continue=first.metadata._continue) if first.metadata._continue else None
print("in parts:", len(first.items), rest is None or rest.metadata.resource_version == first.metadata.resource_version)

print("patched:", apps.patch_namespaced_deployment_scale("sleeper", "default", {"spec": {"replicas": 1}}).spec.replicas)
print("refused:", refused(core.read_namespaced_pod, "nobody", "default"), refused(core.create_namespaced_pod, "default", {"metadata": {}}))
deployments = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="apps/v1", kind="Deployment")
print("dynamic:", [item.metadata.name for item in deployments.get(namespace="default").items])
apps.delete_namespaced_deployment("sleeper", "default")
print("deleted:", refused(apps.read_namespaced_deployment, "sleeper", "default"))
