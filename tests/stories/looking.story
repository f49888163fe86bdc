# Looking: lists, columns, selectors, watches, what there is.
$ kubectl version
Client Version: v1.37.1
Kustomize Version: v5.8.1
Server Version: v1.34.0+podlab
Warning: version difference between client (1.37) and server (1.34) exceeds the supported minor version skew of +/-1
$ kubectl cluster-info
Kubernetes control plane is running at https://127.0.0.1:PORT
CoreDNS is running at https://127.0.0.1:PORT/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy
.
To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.
$ kubectl api-versions
apps/v1
coordination.k8s.io/v1
discovery.k8s.io/v1
networking.k8s.io/v1
v1
$ kubectl api-resources
NAME  SHORTNAMES  APIVERSION  NAMESPACED  KIND
configmaps  cm  v1  true  ConfigMap
endpoints  ep  v1  true  Endpoints
events  ev  v1  true  Event
namespaces  ns  v1  false  Namespace
nodes  no  v1  false  Node
pods  po  v1  true  Pod
secrets  v1  true  Secret
serviceaccounts  sa  v1  true  ServiceAccount
services  svc  v1  true  Service
deployments  deploy  apps/v1  true  Deployment
replicasets  rs  apps/v1  true  ReplicaSet
leases  coordination.k8s.io/v1  true  Lease
endpointslices  discovery.k8s.io/v1  true  EndpointSlice
networkpolicies  netpol  networking.k8s.io/v1  true  NetworkPolicy
servicecidrs  networking.k8s.io/v1  false  ServiceCIDR
$ kubectl api-resources --namespaced=false -o name
namespaces
nodes
servicecidrs.networking.k8s.io
$ kubectl get namespaces
NAME  STATUS  AGE
default  Active  AGE
kube-node-lease  Active  AGE
kube-public  Active  AGE
kube-system  Active  AGE
$ kubectl get nodes -o custom-columns=NAME:.metadata.name,VERSION:.status.nodeInfo.kubeletVersion
NAME  VERSION
node-1  v1.34.0+podlab
$ kubectl get all -A
NAMESPACE  NAME  READY  STATUS  RESTARTS  AGE
kube-system  pod/coredns-HASH-RANDOM  1/1  Running  0  AGE
.
NAMESPACE  NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
default  service/kubernetes  ClusterIP  10.96.0.1  <none>  443/TCP  AGE
kube-system  service/kube-dns  ClusterIP  10.96.0.10  <none>  53/UDP,53/TCP  AGE
.
NAMESPACE  NAME  READY  UP-TO-DATE  AVAILABLE  AGE
kube-system  deployment.apps/coredns  1/1  1  1  AGE
.
NAMESPACE  NAME  DESIRED  CURRENT  READY  AGE
kube-system  replicaset.apps/coredns-HASH  1  1  1  AGE
$ kubectl get pods
No resources found in default namespace.
$ kubectl apply -f web.yaml
deployment.apps/web created
service/web created
$ kubectl rollout status deployment/web --timeout=20s | tail -1
deployment "web" successfully rolled out
$ kubectl get pods -l app=web --show-labels
NAME  READY  STATUS  RESTARTS  AGE  LABELS
web-HASH-RANDOM  1/1  Running  0  AGE  app=web,pod-template-hash=HASH
web-HASH-RANDOM  1/1  Running  0  AGE  app=web,pod-template-hash=HASH
$ kubectl get pods -l 'app in (web),app!=api' -o name
pod/web-HASH-RANDOM
pod/web-HASH-RANDOM
$ kubectl get pods --field-selector status.phase=Running -o name
pod/web-HASH-RANDOM
pod/web-HASH-RANDOM
$ kubectl get pods --field-selector spec.colour=green
Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "", field selector "spec.colour=green": field label not supported: spec.colour
[exit 1]
$ kubectl get pods -l 'a b'
Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "a b", field selector "": unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt
[exit 1]
$ kubectl get pods --chunk-size=1 -A -o name
pod/web-HASH-RANDOM
pod/web-HASH-RANDOM
pod/coredns-HASH-RANDOM
$ kubectl get service web -o yaml
apiVersion: v1
kind: Service
metadata:
  annotations:
  kubectl.kubernetes.io/last-applied-configuration: |
  {"apiVersion":"v1","kind":"Service","metadata":{"annotations":{},"name":"web","namespace":"default"},"spec":{"ports":[{"port":80,"targetPort":8080}],"selector":{"app":"web"}}}
  creationTimestamp: "TIME"
  name: web
  namespace: default
  resourceVersion: "N"
  uid: UID
spec:
  clusterIP: CLUSTER-IP
  clusterIPs:
  - CLUSTER-IP
  internalTrafficPolicy: Cluster
  ipFamilies:
  - IPv4
  ipFamilyPolicy: SingleStack
  ports:
  - port: 80
  protocol: TCP
  targetPort: 8080
  selector:
  app: web
  sessionAffinity: None
  type: ClusterIP
status:
  loadBalancer: {}
$ kubectl get service web -o json | head -3
{
  "apiVersion": "v1",
  "kind": "Service",
$ kubectl get deployment,service -o name
deployment.apps/web
service/kubernetes
service/web
$ kubectl get widgets
error: the server doesn't have a resource type "widgets"
[exit 1]
$ kubectl get pod nobody
Error from server (NotFound): pods "nobody" not found
[exit 1]
$ kubectl get endpoints web
NAME  ENDPOINTS  AGE
web  POD-IP:8080,POD-IP:8080  AGE
$ (sleep 1; kubectl scale deployment web --replicas=1 > /dev/null) & timeout 3 kubectl get deployment web -w -o jsonpath='{.spec.replicas}{"\n"}' | uniq
2
1
$ kubectl describe service web
Name:  web
Namespace:  default
Labels:  <none>
Annotations:  <none>
Selector:  app=web
Type:  ClusterIP
IP Family Policy:  SingleStack
IP Families:  IPv4
IP:  CLUSTER-IP
IPs:  CLUSTER-IP
Port:  <unset>  80/TCP
TargetPort:  8080/TCP
Endpoints:  POD-IP:8080
Session Affinity:  None
Internal Traffic Policy:  Cluster
Events:  <none>
$ kubectl describe node node-1 | sed '/^Annotations/,/^Creation/{/^Creation/!d}' | head -15
Name:  node-1
Roles:  <none>
Labels:  kubernetes.io/arch=amd64
  kubernetes.io/hostname=node-1
  kubernetes.io/os=linux
CreationTimestamp:  TIME
Taints:  <none>
Unschedulable:  false
Lease:
  HolderIdentity:  node-1
  AcquireTime:  <unset>
  RenewTime:  TIME
Conditions:
  Type  Status  LastHeartbeatTime  LastTransitionTime  Reason  Message
  ----  ------  -----------------  ------------------  ------  -------
$ kubectl describe namespace default
Name:  default
Labels:  kubernetes.io/metadata.name=default
Annotations:  <none>
Status:  Active
$ kubectl explain service.spec.clusterIP
KIND:  Service
VERSION:  v1
.
FIELD: clusterIP <string>
.
.
DESCRIPTION:
  clusterIP is the IP address of the service and is usually assigned randomly.
  If an address is specified manually, is in-range (as per system
  configuration), and is not in use, it will be allocated to the service;
  otherwise creation of the service will fail. This field may not be changed
  through updates unless the type field is also being changed to ExternalName
  (which requires this field to be blank) or the type field is being changed
  from ExternalName (in which case this field may optionally be specified, as
  describe above).  Valid values are "None", empty string (""), or a valid IP
  address. Setting this to "None" makes a "headless service" (no virtual IP),
  which is useful when direct endpoint connections are preferred and proxying
  is not required.  Only applies to types ClusterIP, NodePort, and
  LoadBalancer. If this field is specified when creating a Service of type
  ExternalName, creation will fail. This field will be wiped when updating a
  Service to type ExternalName. More info:
  https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies
.
.
$ kubectl explain deployment --recursive | head -12
GROUP:  apps
KIND:  Deployment
VERSION:  v1
.
DESCRIPTION:
  Deployment enables declarative updates for Pods and ReplicaSets.
.
FIELDS:
  apiVersion	<string>
  kind	<string>
  metadata	<ObjectMeta>
  annotations	<map[string]string>
$ kubectl explain pod.spec.colour
KIND:  Pod
VERSION:  v1
.
error: field "colour" does not exist
[exit 1]
$ kubectl get --raw /healthz
ok
$ kubectl get --raw /apis/apps
{"apiVersion":"v1","kind":"APIGroup","name":"apps","preferredVersion":{"groupVersion":"apps/v1","version":"v1"},"versions":[{"groupVersion":"apps/v1","version":"v1"}]}
$ kubectl get --raw /no/where
Error from server (NotFound): the server could not find the requested resource
[exit 1]
$ kubectl auth whoami
error: the selfsubjectreviews API is not enabled in the cluster
[exit 1]
