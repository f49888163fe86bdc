{{- define "tier" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels: {app: {{ .name }}}
spec:
  replicas: {{ .replicas }}
  selector: {matchLabels: {app: {{ .name }}}}
  template:
    metadata: {labels: {app: {{ .name }}}}
    spec:
      containers:
      - name: {{ .name }}
        image: podlab/{{ .name }}
        ports: [{containerPort: {{ .port }}}]
        readinessProbe: {tcpSocket: {port: {{ .port }}}}
        envFrom: [{configMapRef: {name: settings}}]
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
spec:
  selector: {app: {{ .name }}}
  ports: [{port: {{ .servicePort }}, targetPort: {{ .port }}}]
{{- end -}}
