# What makes no sense is refused, in the server's words.
$ echo '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","imagee":"b"}]}}' | kubectl apply -f -
Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imagee"
[exit 1]
$ echo '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","image":5}]}}' | kubectl apply -f -
Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string
[exit 1]
$ echo '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"A"},"spec":{"containers":[]}}' | kubectl apply -f -
The Pod "A" is invalid:
* metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
* spec.containers: Required value
[exit 1]
$ echo '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":0}],"clusterIP":"1.2.3.4"}}' | kubectl apply -f -
The Service "a" is invalid: spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
[exit 1]
$ echo '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"c"}},"spec":{"containers":[{"name":"a","image":"b"}]}}}}' | kubectl apply -f -
The Deployment "a" is invalid: spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`
[exit 1]
$ echo '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"a"}}' | kubectl apply -f -
error: error validating "STDIN": error validating data: the server could not find the requested resource; if you choose to ignore these errors, turn validation off with --validate=false
[exit 1]
$ kubectl apply -f web.yaml
deployment.apps/web created
service/web created
$ kubectl patch service web -p '{"spec":{"clusterIP":"10.96.0.77"}}'
The Service "web" is invalid: spec.clusterIPs[0]: Invalid value: ["CLUSTER-IP"]: may not change once set
[exit 1]
$ kubectl patch deployment web -p '{"spec":{"selector":{"matchLabels":{"app":"other"}}}}'
The Deployment "web" is invalid:
* spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`
* spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable
[exit 1]
$ kubectl patch deployment web -p '{"spec":{"replicas":"many"}}'
The request is invalid: patch: Invalid value: "map[spec:map[replicas:many]]": json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32
[exit 1]
$ kubectl patch deployment web -p 'nonsense'
Error from server (BadRequest): json: cannot unmarshal string into Go value of type map[string]interface {}
[exit 1]
$ kubectl get deployment web -o yaml --show-managed-fields=false | sed 's/resourceVersion: .*/resourceVersion: "1"/' | kubectl replace -f -
Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again
[exit 1]
$ kubectl scale deployment web --replicas=-1
error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0
[exit 1]
$ kubectl scale deployment nobody --replicas=1
Error from server (NotFound): deployments.apps "nobody" not found
[exit 1]
$ kubectl expose deployment nobody --port=80
Error from server (NotFound): deployments.apps "nobody" not found
[exit 1]
$ curl -sk $(kubectl config view -o jsonpath='{.clusters[0].cluster.server}')/api/v1/namespaces/default/pods
{"apiVersion":"v1","kind":"Status","code":401,"message":"Unauthorized","metadata":{},"reason":"Unauthorized","status":"Failure"}
