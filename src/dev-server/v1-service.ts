import type { Params } from './body.js'
import type { Naming } from './naming.js'
import { DEFAULT_GROUP, filled, namespaceOf, parseDouble } from './naming-params.js'
import { checked, instanceNames } from './named-params.js'
import { pageOf } from './page.js'
import { Refusal, caused, json, text } from './reply.js'
import type { Call, Routes } from './router.js'
import { fullName } from './service.js'
import { metadataOf, noNumber, refused, serviceOf } from './v1-params.js'

/** /nacos/v1/ns/service… and /operator/metrics, as Nacos 3.0.3 answers, and 2.2.4 where 3.0.3 has no answer. */
export function v1Service(naming: Naming): Routes {
  return checked(routes(naming), instanceNames(metadataOf))
}

function routes(naming: Naming): Routes {
  return {
    'POST /v1/ns/service': (call) => {
      const id = serviceOf(call)
      if (!naming.createService(id, propsOf(call))) {
        throw new Refusal(caused(500, `specified service ${fullName(id)} already exists!`))
      }
      return text('ok')
    },

    'PUT /v1/ns/service': (call) => {
      const id = serviceOf(call)
      if (!naming.updateService(id, propsOf(call))) throw new Refusal(notFound(id))
      return text('ok')
    },

    'GET /v1/ns/service': (call) => {
      const id = serviceOf(call)
      const service = naming.service(id)
      if (!service) throw new Refusal(notFound(id))
      return json({
        namespaceId: id.namespace,
        groupName: id.group,
        name: id.name,
        protectThreshold: service.protectThreshold,
        metadata: service.metadata,
        selector: { type: 'none', contextType: 'NONE' },
        clusters: service.clusters.map((name) => ({ name, healthChecker: { type: 'TCP' }, metadata: {} })),
      })
    },

    'DELETE /v1/ns/service': (call) => {
      const id = serviceOf(call)
      const outcome = naming.removeService(id)
      if (outcome === 'unknown') throw new Refusal(caused(500, `service ${fullName(id)} not found!`))
      if (outcome === 'not-empty') {
        throw new Refusal(
          caused(500, `Service ${fullName(id)} is not empty, can't be delete. Please unregister instance first`),
        )
      }
      return text('ok')
    },

    'GET /v1/ns/service/list': ({ params }) => {
      const group = filled(params, 'groupName') ?? DEFAULT_GROUP
      const names = naming.services(namespaceOf(params), group).map(({ name }) => name)
      return json({
        count: names.length,
        doms: pageOf(names, required(params, 'pageNo'), required(params, 'pageSize')),
      })
    },

    // Subscribers are gRPC clients; a client of the HTTP API polls and leaves no trace.
    'GET /v1/ns/service/subscribers': (call) => {
      serviceOf(call)
      return json({ subscribers: [], count: 0 })
    },
  }
}

function required(params: Params, name: string): string {
  const value = filled(params, name)
  if (value === undefined) throw refused(`Param '${name}' is required.`)
  return value
}

function propsOf(call: Call): { protectThreshold: number; metadata: Record<string, string> } {
  const rawThreshold = filled(call.params, 'protectThreshold') ?? '0'
  const protectThreshold = parseDouble(rawThreshold)
  if (protectThreshold === undefined) throw noNumber(rawThreshold)
  const metadata = metadataOf(call)
  return { protectThreshold, metadata }
}

function notFound(id: { namespace: string; group: string; name: string }) {
  return caused(500, `service not found, namespace: ${id.namespace}, serviceName: ${fullName(id)}`)
}
