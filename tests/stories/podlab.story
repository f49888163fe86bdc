# podlab's own commands ask the same API, and print what kubectl prints.
$ podlab get pods
No resources found in default namespace.
$ podlab apply -f web.yaml
service/web created
deployment.apps/web created
$ podlab apply -f web.yaml
service/web unchanged
deployment.apps/web unchanged
$ podlab apply -f settings.yaml
configmap/settings created
secret/login created
pod/reader created
$ kubectl rollout status deployment/web --timeout=20s | tail -1
deployment "web" successfully rolled out
$ podlab get deploy,svc
NAME  READY  UP-TO-DATE  AVAILABLE  AGE
deployment.apps/web  2/2  2  2  AGE
.
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
service/kubernetes  ClusterIP  10.96.0.1  <none>  443/TCP  AGE
service/web  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE
$ podlab get deploy,svc -o name
deployment.apps/web
service/kubernetes
service/web
$ podlab get pods -A -o wide
NAMESPACE  NAME  READY  STATUS  RESTARTS  AGE  IP  NODE  NOMINATED NODE  READINESS GATES
default  reader  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
default  web-HASH-RANDOM  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
default  web-HASH-RANDOM  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
kube-system  coredns-HASH-RANDOM  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
$ podlab get deployment web nothing
NAME  READY  UP-TO-DATE  AVAILABLE  AGE
web  2/2  2  2  AGE
Error from server (NotFound): deployments.apps "nothing" not found
[exit 1]
$ podlab get svc/web cm/nothing -o name
service/web
Error from server (NotFound): configmaps "nothing" not found
[exit 1]
$ podlab get widgets
error: the server doesn't have a resource type "widgets"
[exit 1]
$ podlab get pod web -A
error: a resource cannot be retrieved by name across all namespaces
[exit 1]
$ podlab get cm settings -o yaml
apiVersion: v1
data:
  colour: green
  size: large
kind: ConfigMap
metadata:
  annotations:
  kubectl.kubernetes.io/last-applied-configuration: |
  {"apiVersion":"v1","data":{"colour":"green","size":"large"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"settings","namespace":"default"}}
  creationTimestamp: "TIME"
  name: settings
  namespace: default
  resourceVersion: "N"
  uid: UID
$ podlab exec deploy/web -- sh -c 'echo out; exit 7'
out
command terminated with exit code 7
[exit 7]
$ echo in | podlab exec -i deploy/web -- tr a-z A-Z
IN
$ podlab exec deploy/web -- /nothing
error: Internal error occurred: error executing command in container: failed to exec in container: unable to start container process: exec: "/nothing": stat /nothing: no such file or directory
[exit 1]
$ podlab exec deploy/web -c other -- true
error: container other is not valid for pod web-HASH-RANDOM out of: echo
[exit 1]
$ podlab logs deploy/nothing
Error from server (NotFound): deployments.apps "nothing" not found
[exit 1]
$ podlab status
Name:  default
Up since:  TIME (AGE)
API:  https://127.0.0.1:PORT
Nodes:  1 of 1 ready
Pods:  4 of 4 ready (4 Running)
Services:  3, 0 without endpoints
$ podlab scale deployment web --replicas=1
deployment.apps/web scaled
$ podlab scale pod/web --replicas=1
Error from server (NotFound): the server could not find the requested resource
[exit 1]
$ podlab scale deployment web --replicas=0
deployment.apps/web scaled
$ kubectl wait pod -l app=web --for=delete --timeout=20s > /dev/null
$ podlab status
Name:  default
Up since:  TIME (AGE)
API:  https://127.0.0.1:PORT
Nodes:  1 of 1 ready
Pods:  2 of 2 ready (2 Running)
Services:  3, 1 without endpoints
Not ready:
  service/web: no endpoints
[exit 1]
$ podlab port-forward svc/web 8080:81
error: service "web" has no pods
[exit 1]
$ podlab delete deployment web
deployment.apps "web" deleted from default namespace
$ podlab delete pods,svc -l nothing=there
No resources found
$ podlab delete pods
error: resource(s) were provided, but no name was specified
[exit 1]
$ sed 's/replicas: 2/replicas: two/' web.yaml | podlab apply -f -
<stdin>:5:13: error: Deployment "web": spec.replicas: Invalid value: "two": must be an integer, not a string
  |
5 |  replicas: two
  |  ^^^
[exit 2]
$ sed 's/name: web/name: web, namespace: shop/' web.yaml | podlab apply -f -
<stdin>:3:34: error: Deployment "web": metadata.namespace: namespaces "shop" not found
  |
3 | metadata: {name: web, namespace: shop}
  |  ^^^^
  |
  = help: add an object of kind Namespace with the name "shop"
<stdin>:15:34: error: Service "web": metadata.namespace: namespaces "shop" not found
  |
15 | metadata: {name: web, namespace: shop}
  |  ^^^^
  |
  = help: add an object of kind Namespace with the name "shop"
[exit 2]
$ sed '/port: 80/s/80/800000/' web.yaml | podlab apply -f -
<stdin>:18:18: error: Service "web": spec.ports[0].port: Invalid value: 800000: must be between 1 and 65535, inclusive
  |
18 |  ports: [{port: 800000, targetPort: 8080}]
  |  ^^^^^^
[exit 2]
$ podlab delete -f web.yaml
Error from server (NotFound): error when deleting "web.yaml": deployments.apps "web" not found
service "web" deleted from default namespace
[exit 1]
$ podlab get pods --name nothing
error: clusters "nothing" not found
These are up: default
[exit 1]
$ podlab get svc | head -1
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
# A pod with several containers.
$ echo '{apiVersion: v1, kind: Pod, metadata: {name: two}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: a, image: podlab/pause, command: [sh, -c, "echo one; echo two; exec sleep 1000"]}, {name: b, image: podlab/pause}]}}' | podlab apply -f -
pod/two created
$ kubectl wait pod two --for=condition=Ready --timeout=20s
pod/two condition met
$ podlab logs two
Defaulted container "a" out of: a, b
one
two
$ podlab logs two --tail 1 -c a
two
$ podlab logs two -c c
error: container c is not valid for pod two out of: a, b
[exit 1]
$ podlab logs two -p -c a
Error from server (BadRequest): previous terminated container "a" in pod "two" not found
[exit 1]
$ podlab exec two -c b -- true
$ podlab delete pod/two
pod "two" deleted from default namespace
