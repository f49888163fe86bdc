# The kubectl of Kubernetes 1.35 drives it as well.
$ kubectl-1.35 apply -f web.yaml
deployment.apps/web created
service/web created
$ kubectl-1.35 rollout status deployment/web --timeout=20s | tail -1
deployment "web" successfully rolled out
$ kubectl-1.35 get deploy,svc
NAME  READY  UP-TO-DATE  AVAILABLE  AGE
deployment.apps/web  2/2  2  2  AGE
.
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
service/kubernetes  ClusterIP  10.96.0.1  <none>  443/TCP  AGE
service/web  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE
$ kubectl-1.35 exec deploy/web -- sh -c 'echo there; exit 4'
there
command terminated with exit code 4
[exit 4]
$ head -c 3000000 /dev/zero | kubectl-1.35 exec -i deploy/web -- wc -c
3000000
$ (kubectl-1.35 port-forward svc/web 18735:80 > /dev/null & sleep 1; curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:18735/; kill $!)
200
$ kubectl-1.35 apply --server-side -f web.yaml
deployment.apps/web serverside-applied
service/web serverside-applied
$ kubectl-1.35 create configmap settings --from-literal=colour=green
configmap/settings created
$ kubectl-1.35 set image deployment/web echo=podlab/pause
deployment.apps/web image updated
$ kubectl-1.35 rollout undo deployment/web
deployment.apps/web rolled back
$ kubectl-1.35 delete -f web.yaml
deployment.apps "web" deleted from default namespace
service "web" deleted from default namespace
