# Helm installs, upgrades, rolls back and uninstalls the three tiers.
$ helm install shop chart --wait --timeout 60s | grep -v DEPLOYED:
NAME: shop
NAMESPACE: default
STATUS: deployed
REVISION: 1
DESCRIPTION: Install complete
TEST SUITE: None
$ kubectl get deploy,svc,cm -l app.kubernetes.io/managed-by=Helm -o name
deployment.apps/backend
deployment.apps/database
deployment.apps/frontend
service/backend
service/database
service/frontend
configmap/settings
$ kubectl exec deploy/frontend -- curl -s http://backend/orders | grep -o 'Grace Hopper'
Grace Hopper
$ helm upgrade shop chart --set backends=3 --wait --timeout 60s | grep -v DEPLOYED:
Release "shop" has been upgraded. Happy Helming!
NAME: shop
NAMESPACE: default
STATUS: deployed
REVISION: 2
DESCRIPTION: Upgrade complete
TEST SUITE: None
$ kubectl get deployment backend
NAME  READY  UP-TO-DATE  AVAILABLE  AGE
backend  3/3  3  3  AGE
$ helm list | cut -f1-3,5-
NAME	NAMESPACE	REVISION	STATUS  CHART  APP VERSION
shop	default  2  deployed	shop-1.0.0
$ helm history shop -o json | grep -o '"description":"[^"]*"'
"description":"Install complete"
"description":"Upgrade complete"
$ helm rollback shop 1 --wait --timeout 60s
Rollback was a success! Happy Helming!
$ kubectl get deployment backend
NAME  READY  UP-TO-DATE  AVAILABLE  AGE
backend  2/2  2  2  AGE
$ helm status shop | grep -E '^(STATUS|REVISION|DESCRIPTION)'
STATUS: deployed
REVISION: 3
DESCRIPTION: Rollback to 1
$ helm get values shop
USER-SUPPLIED VALUES:
null
$ kubectl get secrets
NAME  TYPE  DATA  AGE
sh.helm.release.v1.shop.v1  helm.sh/release.v1  1  AGE
sh.helm.release.v1.shop.v2  helm.sh/release.v1  1  AGE
sh.helm.release.v1.shop.v3  helm.sh/release.v1  1  AGE
$ helm install shop chart
level=ERROR msg="release name check failed" error="cannot reuse a name that is still in use"
Error: INSTALLATION FAILED: release name check failed: cannot reuse a name that is still in use
[exit 1]
$ helm uninstall shop --wait
release "shop" uninstalled
$ for i in $(seq 100); do [ -z "$(kubectl get pods -o name)" ] && break; sleep 0.1; done
$ kubectl get all,secrets,cm
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
service/kubernetes  ClusterIP  10.96.0.1  <none>  443/TCP  AGE
