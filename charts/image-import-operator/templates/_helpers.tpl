{{- define "iio.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* At most 45 characters: suffixes such as -metrics follow. */ -}}
{{- define "iio.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else if contains (include "iio.name" .) .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "iio.name" .) | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "iio.selector" -}}
app.kubernetes.io/name: {{ include "iio.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "iio.labels" -}}
{{ include "iio.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "iio.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "iio.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "iio.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "iio.serviceAccount" . }}
{{- end -}}

{{- /* The one reference that operator, worker Jobs and the jobs policy share. */ -}}
{{- define "iio.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "iio.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* What the operator does in every namespace it serves. Absent on purpose: secrets, configmaps, pods/exec, nodes. */ -}}
{{- define "iio.namespacedRules" }}
- apiGroups: [imageimport.dev]
  resources: [imageimports]
  verbs: [get, list, watch]
- apiGroups: [imageimport.dev]
  resources: [imageimports/status, customimages/status]
  verbs: [patch]
- apiGroups: [imageimport.dev]
  resources: [customimages]
  verbs: [get, list, watch, create, patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""] # why a worker's pod does not start: FailedCreate, FailedMount
  resources: [events]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.progress.enabled }}
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
{{- end }}
{{- end }}
{{- define "iio.subject" }}
subjects:
- kind: ServiceAccount
  name: {{ include "iio.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
