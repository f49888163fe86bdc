# Into pods: programs, logs, files, ports.
$ kubectl apply -f settings.yaml
configmap/settings created
secret/login created
pod/reader created
$ kubectl wait --for=condition=Ready pod/reader --timeout=20s
pod/reader condition met
$ kubectl logs reader
started
$ kubectl logs reader --timestamps --tail=1
TIME started
$ kubectl logs reader -c nobody
error: container nobody is not valid for pod reader out of: main
[exit 1]
$ kubectl logs nobody
error: error from server (NotFound): pods "nobody" not found in namespace "default"
[exit 1]
$ kubectl logs reader --previous
Error from server (BadRequest): previous terminated container "main" in pod "reader" not found
[exit 1]
$ kubectl exec reader -- sh -c 'echo $COLOUR, $PASSWORD; cat /etc/settings/size; echo; ls /etc/settings'
green, open sesame
large
colour
size
$ kubectl exec reader -- sh -c 'echo out; sleep 0.3; echo err >&2; exit 7'
out
err
command terminated with exit code 7
[exit 7]
$ kubectl exec reader -- no-such-program
error: Internal error occurred: error executing command in container: failed to exec in container: unable to start container process: exec: "no-such-program": executable file not found in $PATH
[exit 1]
$ kubectl exec nobody -- true
Error from server (NotFound): pods "nobody" not found
[exit 1]
$ kubectl exec reader -c nobody -- true
error: container nobody is not valid for pod reader out of: main
[exit 1]
$ echo over there | kubectl exec -i reader -- cat
over there
$ head -c 3000000 /dev/zero | kubectl exec -i reader -- wc -c
3000000
$ (sleep 1; echo stty size; sleep 1; echo exit 5; sleep 1) | script -qec 'stty cols 123 rows 45; kubectl exec -it reader -- sh' /dev/null | grep -a '^[0-9]* [0-9]*'
45 123
$ head -c 1000000 /dev/urandom > $HOME/there && kubectl cp $HOME/there reader:/tmp/there && kubectl cp reader:/tmp/there $HOME/back && cmp $HOME/there $HOME/back && echo the same
tar: Removing leading `/' from member names
the same
$ kubectl exec reader -- ls -l /tmp/there | cut -d' ' -f5
1000000
$ kubectl patch configmap settings --type=merge -p '{"data":{"size":"small"}}'
configmap/settings patched
$ for i in $(seq 50); do kubectl exec reader -- grep -q small /etc/settings/size && echo it arrives && break; sleep 0.1; done
it arrives
$ kubectl describe pod reader
Name:  reader
Namespace:  default
Node:  node-1/172.18.0.2
Start Time:  TIME
Labels:  <none>
Annotations:  <none>
Status:  Running
IP:  POD-IP
IPs:
  IP:  POD-IP
Containers:
  main:
  Container ID:  podlab://ID
  Image:  podlab/pause
  Image ID:
  Port:  <none>
  Host Port:  <none>
  Command:
  sh
  -c
  echo started; exec sleep 1000
  State:  Running
  Started:  TIME
  Ready:  True
  Restart Count:  0
  Environment:
  COLOUR:  <set to the key 'colour' of config map 'settings'>  Optional: false
  PASSWORD:  <set to the key 'password' in secret 'login'>  Optional: false
  Mounts:
  /etc/settings from settings (rw)
Conditions:
  Type  Status
  PodScheduled  True
  PodReadyToStartContainers  True
  Initialized  True
  Ready  True
  ContainersReady  True
Volumes:
  settings:
  Type:  ConfigMap (a volume populated by a ConfigMap)
  Name:  settings
  Optional:  false
QoS Class:  BestEffort
Node-Selectors:  <none>
Tolerations:  <none>
Events:
  Type  Reason  Age  From  Message
  ----  ------  ----  ----  -------
  Normal  Scheduled  AGE  default-scheduler  Successfully assigned default/reader to node-1
  Normal  Created  AGE  kubelet  spec.containers{main}: Created container: main
  Normal  Started  AGE  kubelet  spec.containers{main}: Started container main
$ kubectl run once --image=podlab/pause --restart=Never --command -- sh -c 'echo done; exit 3'
pod/once created
$ kubectl wait --for=jsonpath='{.status.phase}'=Failed pod/once --timeout=20s
pod/once condition met
$ kubectl logs -f once
done
$ kubectl get pod once
NAME  READY  STATUS  RESTARTS  AGE
once  0/1  Error  0  AGE
$ kubectl run again --image=podlab/pause --command -- sh -c 'echo round; exit 1'
pod/again created
$ for i in $(seq 100); do kubectl logs again --previous 2>/dev/null && break; sleep 0.1; done
round
$ kubectl delete pod once again reader --now
pod "once" deleted from default namespace
pod "again" deleted from default namespace
pod "reader" deleted from default namespace
