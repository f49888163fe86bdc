# Creating without manifests, and deleting.
$ kubectl create namespace shop
namespace/shop created
$ kubectl create deployment web --image=podlab/echo --replicas=2 --port=8080 -n shop
deployment.apps/web created
$ kubectl create configmap settings --from-literal=colour=green -n shop
configmap/settings created
$ kubectl create secret generic login --from-literal=password=sesame -n shop
secret/login created
$ kubectl create service clusterip web --tcp=80:8080 -n shop
service/web created
$ kubectl create serviceaccount robot -n shop
serviceaccount/robot created
$ kubectl create deployment web --image=podlab/echo -n shop
error: failed to create deployment: deployments.apps "web" already exists
[exit 1]
$ kubectl create deployment web --image=podlab/echo -n nowhere
error: failed to create deployment: namespaces "nowhere" not found
[exit 1]
$ kubectl rollout status deployment/web --timeout=20s -n shop | tail -1
deployment "web" successfully rolled out
$ kubectl get all,configmaps,secrets,serviceaccounts -n shop
NAME  READY  STATUS  RESTARTS  AGE
pod/web-HASH-RANDOM  1/1  Running  0  AGE
pod/web-HASH-RANDOM  1/1  Running  0  AGE
.
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
service/web  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE
.
NAME  READY  UP-TO-DATE  AVAILABLE  AGE
deployment.apps/web  2/2  2  2  AGE
.
NAME  DESIRED  CURRENT  READY  AGE
replicaset.apps/web-HASH  2  2  2  AGE
.
NAME  DATA  AGE
configmap/settings  1  AGE
.
NAME  TYPE  DATA  AGE
secret/login  Opaque  1  AGE
.
NAME  SECRETS  AGE
serviceaccount/default  0  AGE
serviceaccount/robot  0  AGE
$ kubectl delete pods -l app=web -n shop --wait=false
pod "web-HASH-RANDOM" deleted from shop namespace
pod "web-HASH-RANDOM" deleted from shop namespace
$ kubectl rollout status deployment/web --timeout=20s -n shop | tail -1
deployment "web" successfully rolled out
$ kubectl delete pod nobody -n shop
Error from server (NotFound): pods "nobody" not found
[exit 1]
$ kubectl delete pods -l app=nobody -n shop
No resources found
$ kubectl delete configmap --all -n shop
configmap "settings" deleted from shop namespace
$ kubectl delete namespace shop
namespace "shop" deleted
$ kubectl get namespace shop
Error from server (NotFound): namespaces "shop" not found
[exit 1]
$ kubectl get all -n shop
No resources found in shop namespace.
$ kubectl delete namespace default
Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted
[exit 1]
