import type { Params } from './body.js'
import { beatTimesOf } from './instance.js'
import type { BeatTimes, Published } from './instance.js'
import type { Naming } from './naming.js'
import {
  DEFAULT_CLUSTER,
  WEIGHT_FAULT,
  beatFault,
  clusterFault,
  filled,
  parseDouble,
  parseFlag,
  parseInteger,
  parseMetadata,
  serviceIdOf,
  serviceNameFault,
} from './naming-params.js'
import { Refusal, caused, errorPage } from './reply.js'
import type { Call } from './router.js'
import { ServiceKindError, fullName } from './service.js'
import type { ServiceId } from './service.js'

/** The service a v1 request names; refused in v1's words where it names none. */
export function serviceOf(call: Call): ServiceId {
  const serviceName = filled(call.params, 'serviceName')
  if (!serviceName) throw new Refusal(caused(400, "Param 'serviceName' is required."))
  const fault = serviceNameFault(serviceName)
  if (fault) throw new Refusal(errorPage(400, `Service name filter error,caused: ${fault};`, call.path))
  return serviceIdOf(call.params, serviceName)
}

export function addressOf(params: Params): { ip: string; port: number } {
  const ip = filled(params, 'ip')
  if (!ip) throw new Refusal(caused(400, "Param 'ip' is required."))
  const raw = filled(params, 'port')
  if (!raw) throw new Refusal(caused(400, "Param 'port' is required."))
  const port = parseInteger(raw)
  if (port === undefined) throw new Refusal(caused(400, `For input string: "${raw}"`))
  return { ip, port }
}

export function instanceOf(params: Params, id: ServiceId, defaults: BeatTimes): Published {
  const { ip, port } = addressOf(params)
  const rawWeight = filled(params, 'weight') ?? '1'
  const weight = parseDouble(rawWeight)
  if (weight === undefined) throw new Refusal(caused(400, `For input string: "${rawWeight}"`))
  if (weight < 0 || weight > 10_000) throw new Refusal(caused(500, WEIGHT_FAULT))
  const metadata = metadataOf(params)
  const cluster = filled(params, 'clusterName') ?? DEFAULT_CLUSTER
  const fault = beatFault(beatTimesOf(metadata, defaults)) ?? clusterFault(cluster)
  if (fault) throw new Refusal(caused(500, fault))
  return {
    ip,
    port,
    cluster,
    weight,
    // `enable` is how the npm SDK spells it; Nacos takes both.
    enabled: parseFlag(filled(params, 'enabled') ?? params.get('enable'), true),
    ephemeral: parseFlag(params.get('ephemeral'), true),
    metadata,
    instanceId: instanceIdOf(id, { ip, port, cluster }),
  }
}

export function metadataOf(params: Params): Record<string, string> {
  const raw = params.get('metadata')
  const metadata = parseMetadata(raw)
  if (!metadata) throw new Refusal(caused(500, `metadata format incorrect:${raw}`))
  return metadata
}

export function instanceIdOf(
  id: ServiceId,
  { ip, port, cluster }: { ip: string; port: number; cluster: string },
): string {
  return `${ip}#${port}#${cluster}#${fullName(id)}`
}

/** Registers, with Nacos's answer for an instance that does not fit its service. */
export function register(naming: Naming, id: ServiceId, instance: Published): void {
  try {
    naming.register(id, instance)
  } catch (error) {
    if (error instanceof ServiceKindError) throw new Refusal(caused(500, `errCode: 400, errMsg: ${error.message}`))
    throw error
  }
}

/** A parameter that Spring itself wants to be there, empty or not. */
export function requestParam(params: Params, name: string): string {
  const value = params.get(name)
  if (value !== undefined) return value
  throw new Refusal(caused(500, `Required request parameter '${name}' for method parameter type String is not present`))
}
