import type { BeatTimes } from './instance.js'
import type { Naming } from './naming.js'
import { DEFAULT_CLUSTER, filled, parseFlag } from './naming-params.js'
import { checked, instanceNames, listNames } from './named-params.js'
import { serviceJson, weightJson } from './naming-view.js'
import type { Generation } from './naming-view.js'
import { Refusal, caused, json, text } from './reply.js'
import type { Call, Routes } from './router.js'
import { fullName } from './service.js'
import type { ServiceId } from './service.js'
import { addressOf, instanceOf, metadataOf, register, serviceOf } from './v1-params.js'

export interface V1InstanceOptions {
  readonly naming: Naming
  readonly defaults: BeatTimes
  readonly generation: Generation
  /** Records the clients that ask for a list and want its changes by UDP. */
  readonly subscribe: (call: Call, id: ServiceId, clusters: string) => void
}

/** /nacos/v1/ns/instance…, as Nacos 3.0.3 answers, and 2.2.4 where 3.0.3 has no answer. */
export function v1Instance(options: V1InstanceOptions): Routes {
  return {
    ...checked(instanceRoutes(options), instanceNames(metadataOf)),
    ...checked(listRoute(options), listNames),
  }
}

function instanceRoutes({ naming, defaults }: V1InstanceOptions): Routes {
  return {
    'POST /v1/ns/instance': (call) => {
      const id = serviceOf(call)
      const instance = instanceOf(call, id, defaults)
      register(naming, id, instance)
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
      const { ip, port, cluster, weight, enabled, metadata } = instanceOf(call, id, defaults)
      override(naming, id, { ip, port, cluster }, { weight, enabled, metadata })
      return text('ok')
    },

    'PATCH /v1/ns/instance': (call) => {
      const id = serviceOf(call)
      const { weight, enabled, metadata, ...address } = instanceOf(call, id, defaults)
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

    'PUT /v1/ns/instance/metadata/batch': (call) => {
      const id = serviceOf(call)
      const metadata = metadataOf(call)
      const targets = parseTargets(call.params.get('instances')) ?? naming.instances(id)
      const updated = targets.filter((target) => override(naming, id, target, { metadata }, true))
      const kind = naming.service(id)?.ephemeral === false ? 'persistent' : 'ephemeral'
      return json({ updated: updated.map(({ ip, port, cluster }) => `${ip}:${port}:unknown:${cluster}:${kind}`) })
    },

    'PUT /v1/ns/health': healthByHand,
    'PUT /v1/ns/health/instance': healthByHand,
  }
}

function listRoute({ naming, defaults, generation, subscribe }: V1InstanceOptions): Routes {
  return {
    'GET /v1/ns/instance/list': (call) => {
      const id = serviceOf(call)
      const clusters = filled(call.params, 'clusters') ?? ''
      const healthyOnly = parseFlag(call.params.get('healthyOnly'), false)
      subscribe(call, id, clusters)
      return json(serviceJson(naming, id, { clusters, healthyOnly }, { defaults, generation }))
    },
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
