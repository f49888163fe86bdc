# Server-side apply: who owns which field.
$ kubectl apply --server-side -f web.yaml
deployment.apps/web serverside-applied
service/web serverside-applied
$ kubectl apply --server-side -f web.yaml
deployment.apps/web serverside-applied
service/web serverside-applied
$ kubectl scale deployment web --replicas=5
deployment.apps/web scaled
$ kubectl apply --server-side -f web.yaml
service/web serverside-applied
error: Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
[exit 1]
$ kubectl apply --server-side --force-conflicts -f web.yaml
deployment.apps/web serverside-applied
service/web serverside-applied
$ kubectl get deployment web -o jsonpath='{.spec.replicas}{"\n"}'
2
$ sed 's/replicas: 2/replicas: 3/' web.yaml | kubectl apply --server-side --field-manager=other -f -
service/web serverside-applied
error: Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
[exit 1]
$ sed '/replicas/d' web.yaml | kubectl apply --server-side -f -
deployment.apps/web serverside-applied
service/web serverside-applied
$ kubectl get deployment web -o jsonpath='{.spec.replicas}{"\n"}'
1
$ kubectl get deployment web -o json --show-managed-fields | grep '"manager"' | sort -u
  "manager": "kubectl",
$ kubectl apply -f web.yaml
Warning: resource deployments/web is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.
deployment.apps/web configured
Warning: resource services/web is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.
service/web configured
$ kubectl apply --server-side -f web.yaml --dry-run=server
Warning: failed to migrate kubectl.kubernetes.io/last-applied-configuration for Server-Side Apply. This is non-fatal and will be retried next time you apply. Error: Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .metadata.annotations.kubectl.kubernetes.io/last-applied-configuration
deployment.apps/web serverside-applied (server dry run)
Warning: failed to migrate kubectl.kubernetes.io/last-applied-configuration for Server-Side Apply. This is non-fatal and will be retried next time you apply. Error: Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .metadata.annotations.kubectl.kubernetes.io/last-applied-configuration
service/web serverside-applied (server dry run)
$ kubectl apply view-last-applied deployment/web -o json | head -4
{
  "apiVersion": "apps/v1",
  "kind": "Deployment",
  "metadata": {
