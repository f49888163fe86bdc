# A deployment's life.
$ kubectl apply -f web.yaml
deployment.apps/web created
service/web created
$ kubectl wait --for=condition=Available deployment/web --timeout=20s
deployment.apps/web condition met
$ kubectl get deploy,rs,pods
NAME  READY  UP-TO-DATE  AVAILABLE  AGE
deployment.apps/web  2/2  2  2  AGE
.
NAME  DESIRED  CURRENT  READY  AGE
replicaset.apps/web-HASH  2  2  2  AGE
.
NAME  READY  STATUS  RESTARTS  AGE
pod/web-HASH-RANDOM  1/1  Running  0  AGE
pod/web-HASH-RANDOM  1/1  Running  0  AGE
$ kubectl get deployment web -o wide
NAME  READY  UP-TO-DATE  AVAILABLE  AGE  CONTAINERS  IMAGES  SELECTOR
web  2/2  2  2  AGE  echo  podlab/echo  app=web
$ kubectl set image deployment/web echo=podlab/pause
deployment.apps/web image updated
$ kubectl rollout status deployment/web --timeout=20s | tail -1
deployment "web" successfully rolled out
$ kubectl rollout history deployment/web
deployment.apps/web
REVISION  CHANGE-CAUSE
1  <none>
2  <none>
.
$ kubectl rollout undo deployment/web
Warning: resource deployments/web was previously managed with 'kubectl apply'. Rolling back will not update the kubectl.kubernetes.io/last-applied-configuration annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.
deployment.apps/web rolled back
$ kubectl rollout status deployment/web --timeout=20s | tail -1
deployment "web" successfully rolled out
$ kubectl get deployment web -o jsonpath='{.spec.template.spec.containers[0].image}{"\n"}'
podlab/echo
$ kubectl rollout restart deployment/web
deployment.apps/web restarted
$ kubectl rollout status deployment/web --timeout=20s | tail -1
deployment "web" successfully rolled out
$ kubectl rollout history deployment/web
deployment.apps/web
REVISION  CHANGE-CAUSE
2  <none>
3  <none>
4  <none>
.
$ kubectl rollout pause deployment/web
deployment.apps/web paused
$ kubectl set image deployment/web echo=podlab/pause
deployment.apps/web image updated
$ kubectl rollout resume deployment/web
deployment.apps/web resumed
$ kubectl rollout status deployment/web --timeout=20s | tail -1
deployment "web" successfully rolled out
$ kubectl scale deployment/web --replicas=4 --current-replicas=2
deployment.apps/web scaled
$ kubectl scale deployment/web --replicas=1 --current-replicas=2
error: Expected replicas to be 2, was 4
[exit 1]
$ kubectl wait --for=jsonpath='{.status.readyReplicas}'=4 deployment/web --timeout=20s
deployment.apps/web condition met
$ kubectl describe deployment web | sed '/^Events/,$d'
Name:  web
Namespace:  default
CreationTimestamp:  TIME
Labels:  <none>
Annotations:  deployment.kubernetes.io/revision: 5
Selector:  app=web
Replicas:  4 desired | 4 updated | 4 total | 4 available | 0 unavailable
StrategyType:  RollingUpdate
MinReadySeconds:  0
RollingUpdateStrategy:  25% max unavailable, 25% max surge
Pod Template:
  Labels:  app=web
  Annotations:  kubectl.kubernetes.io/restartedAt: TIME
  Containers:
  echo:
  Image:  podlab/pause
  Port:  8080/TCP
  Host Port:  0/TCP
  Environment:  <none>
  Mounts:  <none>
  Volumes:  <none>
  Node-Selectors:  <none>
  Tolerations:  <none>
Conditions:
  Type  Status  Reason
  ----  ------  ------
  Progressing  True  NewReplicaSetAvailable
  Available  True  MinimumReplicasAvailable
OldReplicaSets:  web-HASH (0/0 replicas created), web-HASH (0/0 replicas created), web-HASH (0/0 replicas created)
NewReplicaSet:  web-HASH (4/4 replicas created)
$ kubectl get events --field-selector involvedObject.kind=Deployment -o custom-columns=REASON:.reason --no-headers | sort -u
ScalingReplicaSet
$ kubectl delete deployment web --cascade=orphan
deployment.apps "web" deleted from default namespace
$ kubectl get rs,pods -l app=web -o name | wc -l
8
$ kubectl apply -f web.yaml
deployment.apps/web created
service/web unchanged
$ kubectl rollout status deployment/web --timeout=20s | tail -1
deployment "web" successfully rolled out
$ kubectl delete deployment web --cascade=foreground
deployment.apps "web" deleted from default namespace
$ kubectl get rs,pods
No resources found in default namespace.
