-- Argo CD's view of an ImageImport, for argocd-cm: resource.customizations.health.imageimport.dev_ImageImport: |
local hs = { status = "Progressing", message = "Waiting for the operator" }
if obj.spec ~= nil and obj.spec.suspend == true then
  return { status = "Suspended", message = "spec.suspend is true" }
end
local status = obj.status
if status == nil or status.conditions == nil then
  return hs
end
local current = status.observedGeneration == nil or status.observedGeneration == obj.metadata.generation
local ready = nil
for _, condition in ipairs(status.conditions) do
  if condition.type == "Stalled" and condition.status == "True" and current then
    return { status = "Degraded", message = condition.message }
  end
  if condition.type == "Ready" then
    ready = condition
  end
end
if ready ~= nil then
  hs.message = ready.message
  if ready.status == "True" and current then
    hs.status = "Healthy"
  end
end
return hs
