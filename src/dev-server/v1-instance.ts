import type { Params } from './body.js'
import { beatTimesOf } from './instance.js'
import type { BeatTimes, Published } from './instance.js'
import { ServiceKindError, fullName } from './naming.js'
import type { Naming, ServiceId } from './naming.js'
import {
  BEAT_FAULT,
  DEFAULT_CLUSTER,
  WEIGHT_FAULT,
  clusterFault,
  filled,
  parseDouble,
  parseFlag,
  parseInteger,
  parseMetadata,
  scalarsOf,
  serviceIdOf,
  serviceNameFault,
} from './naming-params.js'
import { serviceJson, weightJson } from './naming-view.js'
import { Refusal, caused, errorPage, json, text } from './reply.js'
import type { Call, Routes } from './router.js'

/** /nacos/v1/ns/instance…, as Nacos 2.2.4 answers. */
export function v1Instance(naming: Naming, defaults: BeatTimes): Routes {
  const register = (id: ServiceId, instance: Published) => {
    try {
      naming.register(id, instance)
    } catch (error) {
      if (error instanceof ServiceKindError) throw new Refusal(caused(500, `errCode: 400, errMsg: ${error.message}`))
      throw error
    }
  }

  return {
    'POST /v1/ns/instance': (call) => {
      const id = serviceOf(call)
      const instance = instanceOf(call.params, id, defaults)
      register(id, instance)
      if (!parseFlag(call.params.get('healthy'), true)) naming.setHealthy(id, instance.ip, instance.port, false)
      return text('ok')
    },

    'DELETE /v1/ns/instance': (call) => {
      const id = serviceOf(call)
      const { ip, port } = addressOf(call.params)
      naming.deregister(id, ip, port, parseFlag(call.params.get('ephemeral'), true))
      return text('ok')
    },

    'PUT /v1/ns/instance': (call) => {
      const id = serviceOf(call)
      const { ip, port, cluster, weight, enabled, metadata } = instanceOf(call.params, id, defaults)
      override(naming, id, { ip, port, cluster }, { weight, enabled, metadata })
      return text('ok')
    },

    'PATCH /v1/ns/instance': (call) => {
      const id = serviceOf(call)
      const { weight, enabled, metadata, ...address } = instanceOf(call.params, id, defaults)
      const given = (name: string) => filled(call.params, name) !== undefined
      const word = {
        ...(given('weight') && { weight }),
        ...(given('enabled') && { enabled }),
        ...(given('metadata') && { metadata }),
      }
      override(naming, id, address, word, true)
      return text('ok')
    },

    'GET /v1/ns/instance': (call) => {
      const id = serviceOf(call)
      const { ip, port } = addressOf(call.params)
      const cluster = filled(call.params, 'cluster') ?? filled(call.params, 'clusterName') ?? DEFAULT_CLUSTER
      if (!naming.service(id)) {
        throw new Refusal(caused(500, `no ips found for cluster ${cluster} in service ${fullName(id)}`))
      }
      const found = naming.published(id, ip, port)
      if (!found || found.cluster !== cluster) throw new Refusal(caused(500, 'no matched ip found!'))
      return json({
        service: fullName(id),
        ip,
        port,
        clusterName: found.cluster,
        weight: weightJson(found.weight),
        healthy: found.healthy,
        instanceId: found.instanceId,
        metadata: found.metadata,
      })
    },

    'GET /v1/ns/instance/list': (call) => {
      const filter = {
        clusters: call.params.get('clusters') ?? '',
        healthyOnly: parseFlag(call.params.get('healthyOnly'), false),
      }
      return json(serviceJson(naming, serviceOf(call), filter, defaults))
    },

    'PUT /v1/ns/instance/beat': (call) => {
      const id = serviceOf(call)
      const beat = beatOf(call.params)
      const ip = beat?.ip ?? filled(call.params, 'ip')
      const port = beat?.port ?? parseInteger(call.params.get('port') ?? '') ?? 0
      let times = ip === undefined ? undefined : naming.beat(id, ip, port)
      if (!times && beat) {
        register(id, { ...beat, enabled: true, ephemeral: true, instanceId: instanceIdOf(id, beat) })
        times = beatTimesOf(beat.metadata, defaults)
      }
      return json({
        clientBeatInterval: (times ?? defaults).intervalMs,
        code: times ? 10_200 : 20_404,
        lightBeatEnabled: true,
      })
    },

    'PUT /v1/ns/instance/metadata/batch': (call) => {
      const id = serviceOf(call)
      const metadata = metadataOf(call.params)
      const targets = parseTargets(call.params.get('instances')) ?? naming.instances(id)
      const updated = targets.filter((target) => override(naming, id, target, { metadata }, true))
      const kind = naming.service(id)?.ephemeral === false ? 'persistent' : 'ephemeral'
      return json({ updated: updated.map(({ ip, port, cluster }) => `${ip}:${port}:unknown:${cluster}:${kind}`) })
    },

    'PUT /v1/ns/health': healthByHand,
    'PUT /v1/ns/health/instance': healthByHand,
  }
}

export function serviceOf(call: Call): ServiceId {
  const serviceName = filled(call.params, 'serviceName')
  if (!serviceName) throw new Refusal(caused(400, "Param 'serviceName' is required."))
  const fault = serviceNameFault(serviceName)
  if (fault) throw new Refusal(errorPage(400, `Service name filter error,caused: ${fault};`, call.path))
  return serviceIdOf(call.params, serviceName)
}

function addressOf(params: Params): { ip: string; port: number } {
  const ip = filled(params, 'ip')
  if (!ip) throw new Refusal(caused(400, "Param 'ip' is required."))
  const raw = filled(params, 'port')
  if (!raw) throw new Refusal(caused(400, "Param 'port' is required."))
  const port = parseInteger(raw)
  if (port === undefined) throw new Refusal(caused(400, `For input string: "${raw}"`))
  return { ip, port }
}

function instanceOf(params: Params, id: ServiceId, defaults: BeatTimes): Published {
  const { ip, port } = addressOf(params)
  const rawWeight = filled(params, 'weight') ?? '1'
  const weight = parseDouble(rawWeight)
  if (weight === undefined) throw new Refusal(caused(400, `For input string: "${rawWeight}"`))
  if (weight < 0 || weight > 10_000) throw new Refusal(caused(500, WEIGHT_FAULT))
  const metadata = metadataOf(params)
  const times = beatTimesOf(metadata, defaults)
  if (times.timeoutMs < times.intervalMs || times.deleteMs < times.intervalMs)
    throw new Refusal(caused(500, BEAT_FAULT))
  const cluster = filled(params, 'clusterName') ?? DEFAULT_CLUSTER
  const fault = clusterFault(cluster)
  if (fault) throw new Refusal(caused(500, fault))
  return {
    ip,
    port,
    cluster,
    weight,
    enabled: parseFlag(params.get('enabled'), true),
    ephemeral: parseFlag(params.get('ephemeral'), true),
    metadata,
    instanceId: instanceIdOf(id, { ip, port, cluster }),
  }
}

function metadataOf(params: Params): Record<string, string> {
  const raw = params.get('metadata')
  const metadata = parseMetadata(raw)
  if (!metadata) throw new Refusal(caused(500, `metadata format incorrect:${raw}`))
  return metadata
}

function instanceIdOf(id: ServiceId, { ip, port, cluster }: { ip: string; port: number; cluster: string }): string {
  return `${ip}#${port}#${cluster}#${fullName(id)}`
}

/** The `beat` parameter of a full heartbeat; `undefined` for a light one. */
function beatOf(params: Params): Omit<Published, 'enabled' | 'ephemeral' | 'instanceId'> | undefined {
  const raw = filled(params, 'beat')
  if (!raw) return undefined
  const faulty = (why: string) => {
    const what = `Nacos deserialize for class [com.alibaba.nacos.naming.healthcheck.RsInfo] failed, cause error[${why}].`
    return new Refusal(caused(500, `errCode: 101, errMsg: ${what}  ;caused: ${why}`))
  }
  let value: unknown
  try {
    value = JSON.parse(raw)
  } catch {
    throw faulty('not a JSON object')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw faulty('not a JSON object')
  const beat = value as Record<string, unknown>
  const metadata = scalarsOf(beat['metadata'] ?? {})
  if (!metadata) throw faulty('metadata is not a flat object')
  const number = (name: string, fallback: number) => {
    const read = Number(beat[name] ?? fallback)
    if (!Number.isFinite(read)) throw faulty(`${name} is not a number`)
    return read
  }
  return {
    ip: String(beat['ip'] ?? ''),
    port: number('port', 0),
    cluster: String(beat['cluster'] || DEFAULT_CLUSTER),
    weight: number('weight', 1),
    metadata,
  }
}

function override(naming: Naming, ...word: Parameters<Naming['override']>): boolean {
  const [id] = word
  if (naming.override(...word)) return true
  throw new Refusal(caused(500, `service not found, namespace: ${id.namespace}, serviceName: ${fullName(id)}`))
}

function parseTargets(raw: string | undefined): { ip: string; port: number; cluster: string }[] | undefined {
  if (!raw) return undefined
  try {
    const list = JSON.parse(raw) as { ip?: unknown; port?: unknown; clusterName?: unknown }[]
    return list.map(({ ip, port, clusterName }) => ({
      ip: String(ip),
      port: Number(port),
      cluster: String(clusterName ?? DEFAULT_CLUSTER),
    }))
  } catch {
    throw new Refusal(caused(400, 'Param instances is not a JSON list of instances'))
  }
}

// Nacos lets health be set by hand only where no checker runs, and one always does for ephemeral instances.
function healthByHand(call: Call) {
  const cluster = filled(call.params, 'clusterName') ?? DEFAULT_CLUSTER
  return caused(500, `health check is still working, service: ${fullName(serviceOf(call))}, cluster: ${cluster}`)
}
