# What podlab has applied, kubectl goes on with, and the other way round: fields go that the files lack.
$ sed 's/{port: 80, /{name: a, port: 80, /' web.yaml > ~/one.yaml; sed 's/}]$/}, {name: b, port: 81}]/' ~/one.yaml > ~/two.yaml
$ grep 'port: 81' ~/two.yaml
  ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81}]
$ podlab apply -f ~/two.yaml
service/web created
deployment.apps/web created
$ kubectl apply -f ~/two.yaml
deployment.apps/web unchanged
service/web unchanged
$ kubectl apply -f ~/one.yaml
deployment.apps/web unchanged
service/web configured
$ podlab get service web
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
web  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE
$ kubectl apply -f ~/two.yaml
deployment.apps/web unchanged
service/web configured
$ podlab apply -f ~/one.yaml
service/web configured
deployment.apps/web unchanged
$ podlab get service web
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
web  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE
$ kubectl apply --server-side -f ~/two.yaml
deployment.apps/web serverside-applied
service/web serverside-applied
$ podlab get service web
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
web  ClusterIP  CLUSTER-IP  <none>  80/TCP,81/TCP  AGE
# Texts that Go writes in another way make no difference.
$ echo '{apiVersion: v1, kind: ConfigMap, metadata: {name: odd, annotations: {a: "<b> & c"}}, data: {html: "<p>&amp;</p>", number: "1"}}' > ~/odd.yaml
$ podlab apply -f ~/odd.yaml
configmap/odd created
$ kubectl apply -f ~/odd.yaml
configmap/odd unchanged
# The same is true for what a cluster is built from.
$ podlab up --name other -f ~/two.yaml > /dev/null
$ KUBECONFIG=$(podlab kubeconfig --name other) kubectl apply -f ~/two.yaml
deployment.apps/web unchanged
service/web unchanged
$ KUBECONFIG=$(podlab kubeconfig --name other) kubectl apply -f ~/one.yaml
deployment.apps/web unchanged
service/web configured
$ podlab get service web --name other
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
web  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE
$ podlab down --name other
cluster "other" deleted
$ podlab up --name other -f ~/two.yaml > /dev/null; podlab apply --name other -f ~/one.yaml
service/web configured
deployment.apps/web unchanged
$ podlab get service web --name other
NAME  TYPE  CLUSTER-IP  EXTERNAL-IP  PORT(S)  AGE
web  ClusterIP  CLUSTER-IP  <none>  80/TCP  AGE
$ podlab down --name other
cluster "other" deleted
