{{- define "region-monitor.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "region-monitor.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/*
Labels of an object, of (list $ OWN), each of them once: its own ones win over commonLabels, and those that select the pods
over all.
*/}}
{{- define "region-monitor.labels" -}}
{{- $root := first . -}}
{{- $chart := dict
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- $selected := include "region-monitor.selectorLabels" $root | fromYaml -}}
{{- $own := default dict (last .) -}}
{{- $common := default dict $root.Values.commonLabels -}}
{{- toYaml (merge $selected $own $common $chart) -}}
{{- end -}}

{{- define "region-monitor.serviceAccountName" -}}
{{- $own := include "region-monitor.creates" .Values.serviceAccount | empty | ternary "default" (include "region-monitor.fullname" .) -}}
{{- default $own (.Values.serviceAccount).name -}}
{{- end -}}

{{- define "region-monitor.image" -}}
{{- default (printf "region-monitor:%s" .Chart.AppVersion) .Values.image -}}
{{- end -}}

{{/* Of rbac or serviceAccount: empty for false. What is not given is true, as in values.yaml. */}}
{{- define "region-monitor.creates" -}}
{{- if ne (toString (default dict .).create) "false" -}}true{{- end -}}
{{- end -}}

{{/* Namespace of the Regions; empty for all. */}}
{{- define "region-monitor.watched" -}}
{{- if hasKey (default dict .Values.flags) "namespace" -}}
{{- .Values.flags.namespace -}}
{{- else -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end -}}

{{/*
Name of the rights in a namespace, of ($ NAMESPACE). Where other releases may have some under the same name, in another
namespace or cluster-wide (""), the release's namespace tells them apart.
*/}}
{{- define "region-monitor.rightsName" -}}
{{- $root := first . -}}
{{- $name := include "region-monitor.fullname" $root -}}
{{- eq (last .) $root.Release.Namespace | ternary $name (printf "%s-%s" $root.Release.Namespace $name) -}}
{{- end -}}

{{/*
What gives the monitor rights, of (dict "root" $ "namespace" NAMESPACE "name" NAME "rules" YAML): a Role and its binding, or
for all namespaces ("") their cluster-wide kin.
*/}}
{{- define "region-monitor.rights" -}}
{{- $kind := empty .namespace | ternary "ClusterRole" "Role" -}}
{{- range $suffix := list "" "Binding" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}{{ $suffix }}
metadata:
  name: {{ $.name }}
  {{- with $.namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "region-monitor.labels" (list $.root dict) | nindent 4 }}
{{- if $suffix }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $.name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "region-monitor.serviceAccountName" $.root }}
    namespace: {{ $.root.Release.Namespace }}
{{- else }}
rules:
  {{- $.rules | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Address to listen on; empty when nothing listens. */}}
{{- define "region-monitor.listen" -}}
{{- hasKey (default dict .Values.flags) "listen" | ternary (.Values.flags).listen ":8080" -}}
{{- end -}}

{{- define "region-monitor.port" -}}
{{- regexFind "[0-9]+$" (include "region-monitor.listen" .) -}}
{{- end -}}

{{- define "region-monitor.servicePort" -}}
{{- default 8080 (.Values.service).port -}}
{{- end -}}

{{- define "region-monitor.otlpEndpoint" -}}
{{- $global := dig "otlp" "endpoint" "" (default dict .Values.global) -}}
{{- $own := default dict .Values.otlp -}}
{{- coalesce $global $own.endpoint (get (default dict .Values.flags) "otlp-endpoint") | default "" -}}
{{- end -}}

{{/* Port of that endpoint; empty without one. */}}
{{- define "region-monitor.otlpPort" -}}
{{- with include "region-monitor.otlpEndpoint" . -}}
{{- $host := regexReplaceAll "/.*$" (regexReplaceAll "^https?://" . "") "" -}}
{{- $own := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $host) -}}
{{- default (hasPrefix "https://" . | ternary "443" (hasPrefix "http://" . | ternary "80" "4318")) $own -}}
{{- end -}}
{{- end -}}

{{/* Those of a parent chart, and this chart's; each by its name or as {name: NAME}. */}}
{{- define "region-monitor.pullSecrets" -}}
{{- $global := default list (.Values.global).imagePullSecrets -}}
{{- $names := list -}}
{{- range concat $global (default list .Values.imagePullSecrets) -}}
{{- if kindIs "string" . -}}{{- $names = append $names . -}}{{- else -}}{{- $names = append $names .name -}}{{- end -}}
{{- end -}}
{{- range uniq $names }}
- name: {{ . }}
{{- end }}
{{- end -}}

{{/* The container's variables, each of them once: those of extraEnv win over the chart's own. */}}
{{- define "region-monitor.env" -}}
{{- $own := list (dict "name" "OTEL_SERVICE_NAME" "value" (include "region-monitor.fullname" .)) -}}
{{- if include "region-monitor.shards" . -}}
{{- $own = append $own (dict "name" "POD_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name"))) -}}
{{- end -}}
{{- $extra := default list .Values.extraEnv -}}
{{- $replaced := list -}}
{{- range $extra -}}{{- $replaced = append $replaced .name -}}{{- end -}}
{{- range $own }}
{{- if not (has .name $replaced) }}
{{ toYaml (list .) }}
{{- end }}
{{- end }}
{{- with $extra }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Seconds that a stop may take: writes under way, then telemetry. */}}
{{- define "region-monitor.stopSeconds" -}}
{{- $units := dict "h" 3600.0 "m" 60.0 "s" 1.0 "ms" 0.001 -}}
{{- $seconds := 0.0 -}}
{{- range regexFindAll "[0-9.]+[a-zµμ]+" (default "8s" (get (default dict .Values.flags) "drain-timeout")) -1 -}}
{{- $unit := get $units (regexFind "[a-zµμ]+$" .) | default 0.0 -}}
{{- $seconds = addf $seconds (mulf (float64 (regexFind "^[0-9.]+" .)) $unit) -}}
{{- end -}}
{{- add (int (ceil $seconds)) 2 -}}
{{- end -}}

{{- define "region-monitor.gracePeriod" -}}
{{- $stop := int (include "region-monitor.stopSeconds" .) -}}
{{- $given := .Values.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $given -}}
{{- add $stop 2 -}}
{{- else if lt (int $given) $stop -}}
{{- fail (printf "terminationGracePeriodSeconds is %d, but a stop takes up to %d s: raise it, or lower flags.drain-timeout" (int $given) $stop) -}}
{{- else -}}
{{- int $given -}}
{{- end -}}
{{- end -}}

{{/* All flags, with those that follow from other values. */}}
{{- define "region-monitor.args" -}}
{{- $flags := deepCopy (default dict .Values.flags) -}}
{{- $_ := set $flags "namespace" (include "region-monitor.watched" .) -}}
{{- $_ := set $flags "listen" (include "region-monitor.listen" .) -}}
{{- with include "region-monitor.shards" . -}}
{{- $_ := set $flags "shards" . -}}
{{- end -}}
{{- with include "region-monitor.otlpEndpoint" . -}}
{{- $_ := set $flags "otlp-endpoint" . -}}
{{- end -}}
{{- range $name, $value := $flags }}
{{- /* Helm reads whole numbers as floats, which print as 1e+06. */}}
{{- if and (kindIs "float64" $value) (eq (floor $value) $value) }}
{{- $value = int64 $value }}
{{- end }}
- {{ printf "--%s=%v" $name $value | quote }}
{{- end }}
{{- end -}}

{{/* How many shards: flags.shards, else as many as replicas where there are several; empty for none. */}}
{{- define "region-monitor.shards" -}}
{{- $flags := default dict .Values.flags -}}
{{- if hasKey $flags "shards" -}}
{{- if gt (int $flags.shards) 0 -}}{{- int $flags.shards -}}{{- end -}}
{{- else if and (gt (int .Values.replicas) 1) (ne (toString $flags.shadow) "true") -}}
{{- int .Values.replicas -}}
{{- end -}}
{{- end -}}
