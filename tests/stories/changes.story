# Objects are changed in every way that kubectl has.
$ kubectl apply -f web.yaml
deployment.apps/web created
service/web created
$ kubectl rollout status deployment/web --timeout=20s | tail -1
deployment "web" successfully rolled out
$ kubectl apply -f web.yaml
deployment.apps/web unchanged
service/web unchanged
$ kubectl diff -f web.yaml
$ sed 's/replicas: 2/replicas: 3/; s/port: 80,/port: 8000,/' web.yaml | kubectl diff -f -
diff -u -N HOME/LIVE/apps.v1.Deployment.default.web HOME/MERGED/apps.v1.Deployment.default.web
--- HOME/LIVE/apps.v1.Deployment.default.web	TIME
+++ HOME/MERGED/apps.v1.Deployment.default.web	TIME
@@ -6,14 +6,14 @@
  kubectl.kubernetes.io/last-applied-configuration: |
  {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"name":"web","namespace":"default"},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"podlab/echo","name":"echo","ports":[{"containerPort":8080}]}]}}}}
  creationTimestamp: "TIME"
-  generation: 1
+  generation: 2
  name: web
  namespace: default
  resourceVersion: "N"
  uid: UID
 spec:
  progressDeadlineSeconds: 600
-  replicas: 2
+  replicas: 3
  revisionHistoryLimit: 10
  selector:
  matchLabels:
diff -u -N HOME/LIVE/v1.Service.default.web HOME/MERGED/v1.Service.default.web
--- HOME/LIVE/v1.Service.default.web	TIME
+++ HOME/MERGED/v1.Service.default.web	TIME
@@ -18,7 +18,7 @@
  - IPv4
  ipFamilyPolicy: SingleStack
  ports:
-  - port: 80
+  - port: 8000
  protocol: TCP
  targetPort: 8080
  selector:
[exit 1]
$ sed 's/replicas: 2/replicas: 3/; s/port: 80,/port: 8000,/' web.yaml | kubectl apply -f -
deployment.apps/web configured
service/web configured
$ kubectl get deployment,service web
NAME  READY  UP-TO-DATE  AVAILABLE  AGE
deployment.apps/web  3/3  3  3  AGE
.
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
service/web  ClusterIP  CLUSTER-IP  <none>  8000/TCP  AGE
$ kubectl label deployment web tier=front
deployment.apps/web labeled
$ kubectl label deployment web tier=back
error: 'tier' already has a value (front), and --overwrite is false
[exit 1]
$ kubectl label deployment web tier=back --overwrite
deployment.apps/web labeled
$ kubectl label deployment web tier-
deployment.apps/web unlabeled
$ kubectl annotate deployment web note='a b'
deployment.apps/web annotated
$ kubectl get deployment web -o jsonpath='{.metadata.labels}{.metadata.annotations.note}{"\n"}'
a b
$ kubectl patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"podlab/pause"}]}}}}'
deployment.apps/web patched
$ kubectl get deployment web -o jsonpath='{.spec.template.spec.containers[*].name}{"\n"}'
side echo
$ kubectl patch deployment web --type=json -p '[{"op":"remove","path":"/spec/template/spec/containers/0"}]'
deployment.apps/web patched
$ kubectl get deployment web -o jsonpath='{.spec.template.spec.containers[*].name}{"\n"}'
echo
$ kubectl patch deployment web --type=merge -p '{"spec":{"replicas":1}}'
deployment.apps/web patched
$ kubectl patch deployment web --type=json -p '[{"op":"test","path":"/spec/replicas","value":7}]'
The request is invalid: the server rejected our request due to an error in our request
[exit 1]
$ EDITOR='sed -i s/replicas:.1/replicas:\ 2/' kubectl edit deployment web
deployment.apps/web edited
$ EDITOR=true kubectl edit deployment web
Edit cancelled, no changes made.
$ kubectl get deployment web -o jsonpath='{.spec.replicas}{"\n"}'
2
$ kubectl replace -f web.yaml
deployment.apps/web replaced
service/web replaced
$ kubectl get deployment web -o jsonpath='{.spec.template.spec.containers[*].name}{"\n"}'
echo
$ kubectl replace --force -f web.yaml
deployment.apps "web" deleted from default namespace
service "web" deleted from default namespace
deployment.apps/web replaced
service/web replaced
$ kubectl set env deployment/web COLOUR=green
deployment.apps/web env updated
$ kubectl set resources deployment/web --requests=cpu=1m
deployment.apps/web resource requirements updated
$ kubectl expose deployment web --name=again --port=8080
service/again exposed
$ kubectl get service again
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
again  ClusterIP  CLUSTER-IP  <none>  8080/TCP  AGE
$ kubectl apply -f web.yaml --prune -l app=nothing
error: no objects passed to apply
[exit 1]
$ kubectl delete -f web.yaml
deployment.apps "web" deleted from default namespace
service "web" deleted from default namespace
