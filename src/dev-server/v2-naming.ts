import type { BeatTimes } from './instance.js'
import { instanceParams } from './instance-params.js'
import { checked, instanceNames, listNames } from './named-params.js'
import type { Naming } from './naming.js'
import { DEFAULT_CLUSTER, WEIGHT_FAULT, filled, namespaceOf, parseDouble, parseFlag } from './naming-params.js'
import { serviceJson, weightJson } from './naming-view.js'
import { pageOf } from './page.js'
import { Refusal, json, result } from './reply.js'
import type { Call, Handler, Routes } from './router.js'
import { fullName } from './service.js'
import type { ServiceId } from './service.js'
import { beatHandler } from './v1-beat.js'
import { addressOf, required, serviceOf } from './v3-params.js'

const refusal = (code: number, message: string) => (fault: string) => new Refusal(result(fault, code, message, 400))
const weight = refusal(21_001, 'weight error')
const { metadataOf, instanceOf, register } = instanceParams({
  noNumber: () => weight(WEIGHT_FAULT),
  weight,
  metadata: refusal(21_002, 'instance metadata error'),
  instance: refusal(21_004, 'instance error'),
})

/** /nacos/v2/ns…, as Nacos 2.2.4 answers: 3.0.3 has no answer any more. */
export function v2Naming(naming: Naming, defaults: BeatTimes): Routes {
  return {
    ...checked({ ...instanceRoutes(naming, defaults), ...serviceRoutes(naming) }, instanceNames(metadataOf)),
    ...checked(listRoute(naming, defaults), listNames),
    'PUT /v2/ns/instance/beat': beat(naming, defaults),
  }
}

function instanceRoutes(naming: Naming, defaults: BeatTimes): Routes {
  return {
    'POST /v2/ns/instance': (call) => {
      const id = serviceOf(call.params)
      const instance = instanceOf(call, addressOf(call.params), defaults)
      register(naming, id, instance)
      if (!parseFlag(call.params.get('healthy'), true)) naming.setHealthy(id, instance.ip, instance.port, false)
      return result('ok')
    },

    'DELETE /v2/ns/instance': ({ params }) => {
      const { ip, port } = addressOf(params)
      naming.deregister(serviceOf(params), ip, port, parseFlag(params.get('ephemeral'), true))
      return result('ok')
    },

    'PUT /v2/ns/instance': (call) => {
      const id = serviceOf(call.params)
      const { ip, port, cluster, ...word } = instanceOf(call, addressOf(call.params), defaults)
      const { weight, enabled, metadata } = word
      if (!naming.override(id, { ip, port, cluster }, { weight, enabled, metadata })) throw noService(id)
      return result('ok')
    },

    'GET /v2/ns/instance': ({ params }) => {
      const id = serviceOf(params)
      const { ip, port } = addressOf(params)
      const cluster = filled(params, 'clusterName') ?? DEFAULT_CLUSTER
      const found = naming.instances(id).find((one) => one.ip === ip && one.port === port && one.cluster === cluster)
      if (!found) throw new Refusal(result('no matched ip found!', 20_004, 'resource not found', 404))
      return result({
        serviceName: fullName(id),
        ip,
        port,
        clusterName: cluster,
        weight: weightJson(found.weight),
        healthy: found.healthy,
        instanceId: found.instanceId ?? null,
        metadata: found.metadata,
      })
    },

    'PUT /v2/ns/health/instance': ({ params }) => {
      const cluster = filled(params, 'clusterName') ?? DEFAULT_CLUSTER
      const why = `health check is still working, service: ${fullName(serviceOf(params))}, cluster: ${cluster}`
      return result(why, 30_000, 'server error', 400)
    },

    'GET /v2/ns/client/list': ({ params }) => result(clientIds(naming, filled(params, 'namespaceId'))),
    'GET /v2/ns/operator/metrics': () => result({ status: 'UP' }),
  }
}

function listRoute(naming: Naming, defaults: BeatTimes): Routes {
  return {
    'GET /v2/ns/instance/list': ({ params }) => {
      const clusters = filled(params, 'clusterName') ?? filled(params, 'clusters') ?? ''
      const filter = { clusters, healthyOnly: parseFlag(params.get('healthyOnly'), false) }
      return result(serviceJson(naming, serviceOf(params), filter, { defaults, generation: 2 }))
    },
  }
}

function serviceRoutes(naming: Naming): Routes {
  const propsOf = (call: Call) => ({
    protectThreshold: parseDouble(filled(call.params, 'protectThreshold') ?? '0') ?? 0,
    metadata: metadataOf(call),
  })
  return {
    'POST /v2/ns/service': (call) => {
      const id = serviceOf(call.params)
      if (naming.createService(id, propsOf(call))) return result('ok')
      return result(`specified service ${fullName(id)} already exists!`, 21_007, 'service already exist', 400)
    },

    'PUT /v2/ns/service': (call) => {
      const id = serviceOf(call.params)
      if (!naming.updateService(id, propsOf(call))) throw noService(id)
      return result('ok')
    },

    'GET /v2/ns/service': ({ params }) => {
      const id = serviceOf(params)
      const service = naming.service(id)
      if (!service) throw noService(id)
      return result({
        namespace: id.namespace,
        serviceName: id.name,
        groupName: id.group,
        clusterMap: Object.fromEntries(service.clusters.map((name) => [name, { clusterName: name, metadata: {} }])),
        metadata: service.metadata,
        protectThreshold: service.protectThreshold,
        selector: { type: 'none', contextType: 'NONE' },
        ephemeral: service.ephemeral,
      })
    },

    'DELETE /v2/ns/service': ({ params }) => {
      const id = serviceOf(params)
      const outcome = naming.removeService(id)
      if (outcome === 'unknown') throw noService(id)
      if (outcome === 'removed') return result('ok')
      const why = `Service ${fullName(id)} is not empty, can't be delete. Please unregister instance first`
      return result(why, 21_006, 'service delete failure', 400)
    },

    'GET /v2/ns/service/list': ({ params }) => {
      const names = naming.services(namespaceOf(params), filled(params, 'groupName')).map(({ name }) => name)
      const pageNo = filled(params, 'pageNo') ?? '1'
      const pageSize = filled(params, 'pageSize') ?? '20'
      return result({ count: names.length, services: pageOf(names, pageNo, pageSize) })
    },
  }
}

/** As v1's, for a grouped name only. */
function beat(naming: Naming, defaults: BeatTimes): Handler {
  const beatAsV1 = beatHandler(naming, defaults)
  return (call) => {
    if (!required(call.params, 'serviceName').includes('@@')) {
      const fault = "Param 'serviceName' is illegal, it should be format as 'groupName@@serviceName'"
      return json({ code: 20_002, message: 'parameter validate error', data: fault }, 400)
    }
    return beatAsV1(call)
  }
}

/** What Nacos calls a client of the HTTP API: an address, and whether its instances need heartbeats. */
export function clientIds(naming: Naming, namespace?: string): string[] {
  const instances = naming.services(namespace).flatMap((service) => naming.instances(service))
  return [...new Set(instances.map(({ ip, port, ephemeral }) => `${ip}:${port}#${ephemeral}`))]
}

function noService(id: ServiceId): Refusal {
  const why = `service not found, namespace: ${id.namespace}, serviceName: ${fullName(id)}`
  return new Refusal(result(why, 21_008, 'service not exist', 400))
}
