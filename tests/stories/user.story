# What the README's reader does: the three tiers, live.
$ podlab down
cluster "default" deleted
$ podlab up -f ../../scenarios/three-tier.yaml
Cluster "default" is up. Its 6 pods are ready, after AGE.
.
  export KUBECONFIG=$(podlab kubeconfig)
  kubectl get pods
.
It stays up until: podlab down
$ kubectl get pods,svc,endpointslices -o wide
NAME  READY  STATUS  RESTARTS  AGE  IP  NODE  NOMINATED NODE  READINESS GATES
pod/backend-HASH-RANDOM  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
pod/backend-HASH-RANDOM  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
pod/backend-HASH-RANDOM  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
pod/client  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
pod/database-HASH-RANDOM  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
pod/frontend-HASH-RANDOM  1/1  Running  0  AGE  POD-IP  node-1  <none>  <none>
.
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE  SELECTOR
service/backend  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE  app=backend
service/database  ClusterIP  CLUSTER-IP  <none>  5432/TCP  AGE  app=database
service/frontend  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE  app=frontend
service/kubernetes  ClusterIP  10.96.0.1  <none>  443/TCP  AGE  <none>
.
NAME  ADDRESSTYPE  PORTS  ENDPOINTS  AGE
endpointslice.discovery.k8s.io/backend-RANDOM  IPv4  8080  POD-IP,POD-IP,POD-IP  AGE
endpointslice.discovery.k8s.io/database-RANDOM  IPv4  5432  POD-IP  AGE
endpointslice.discovery.k8s.io/frontend-RANDOM  IPv4  8080  POD-IP  AGE
$ kubectl scale deployment backend --replicas=5
deployment.apps/backend scaled
$ kubectl rollout status deployment/backend | tail -1
deployment "backend" successfully rolled out
$ kubectl get deployment backend
NAME  READY  UP-TO-DATE  AVAILABLE  AGE
backend  5/5  5  5  AGE
$ kubectl exec deploy/frontend -- curl -s http://backend/ | head -c 20
{"client":"10.244.0.
$ (kubectl port-forward svc/frontend 18734:80 > $HOME/log & sleep 1; curl -s http://127.0.0.1:18734/ | grep -o '<title>.*'; kill $!)
<title>Orders</title>
$ podlab list
NAME  AGE  API
default  AGE  https://127.0.0.1:PORT
$ podlab down
cluster "default" deleted
$ podlab list
No clusters found
