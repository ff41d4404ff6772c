import type { Params } from './body.js'
import { tenantOf } from './config-store.js'
import { publishConfig } from './config-publish.js'
import type { ConfigId, ConfigStore } from './config-store.js'
import type { BeatTimes } from './instance.js'
import type { Naming } from './naming.js'
import { checked, configNames, instanceNames, listNames } from './named-params.js'
import { DEFAULT_CLUSTER, filled, namespaceOf, parseFlag } from './naming-params.js'
import { instanceJson } from './naming-view.js'
import { pageOf } from './page.js'
import { Refusal, result } from './reply.js'
import type { Routes } from './router.js'
import { fullName } from './service.js'
import { clientIds } from './v2-naming.js'
import { addressOf, metadataOf, required, serviceOf, weightOf } from './v3-params.js'

/** /nacos/v3/admin…, as Nacos 3.0.3 answers: what publishes configs and lets an operator at the instances. */
export function v3Admin(naming: Naming, store: ConfigStore, defaults: BeatTimes): Routes {
  return {
    ...checked(namingRoutes(naming, defaults), instanceNames(metadataOf)),
    ...checked(listRoute(naming, defaults), listNames),
    ...checked(configRoutes(store), configNames),
  }
}

function listRoute(naming: Naming, defaults: BeatTimes): Routes {
  return {
    'GET /v3/admin/ns/instance/list': ({ params }) => {
      const id = serviceOf(params)
      return result(naming.instances(id).map((instance) => instanceJson(id, instance, defaults)))
    },
  }
}

function namingRoutes(naming: Naming, defaults: BeatTimes): Routes {
  return {
    'GET /v3/admin/ns/instance': (call) => {
      const id = serviceOf(call.params)
      const { ip, port } = addressOf(call.params)
      const found = naming.instances(id).find((instance) => instance.ip === ip && instance.port === port)
      if (!found) throw new Refusal(notFound('no matched ip found!'))
      return result(instanceJson(id, found, defaults))
    },

    'PUT /v3/admin/ns/instance': (call) => {
      const id = serviceOf(call.params)
      const address = { ...addressOf(call.params), cluster: filled(call.params, 'clusterName') ?? DEFAULT_CLUSTER }
      const word = {
        weight: weightOf(call.params),
        enabled: parseFlag(call.params.get('enabled'), true),
        metadata: metadataOf(call),
      }
      if (!naming.override(id, address, word)) throw new Refusal(noService(id))
      return result('ok')
    },

    'GET /v3/admin/ns/client/list': ({ params }) => result(clientIds(naming, filled(params, 'namespaceId'))),

    'GET /v3/admin/ns/service/list': ({ params }) => {
      const group = filled(params, 'groupNameParam') ?? filled(params, 'groupName')
      const services = naming.services(namespaceOf(params), group)
      const pageNo = required(params, 'pageNo', 'Integer')
      const pageSize = required(params, 'pageSize', 'Integer')
      return result({
        totalCount: services.length,
        pageNumber: Math.max(1, Number.parseInt(pageNo, 10) || 1),
        pagesAvailable: Math.ceil(services.length / Math.max(1, Number.parseInt(pageSize, 10) || 1)),
        pageItems: pageOf(services, pageNo, pageSize).map((service) => ({
          name: service.name,
          groupName: service.group,
          clusterCount: service.clusters.length,
          ipCount: service.instanceCount,
          healthyInstanceCount: service.healthyCount,
          triggerFlag: 'false',
        })),
      })
    },

    'GET /v3/admin/ns/service': ({ params }) => {
      const id = serviceOf(params)
      const service = naming.service(id)
      if (!service) throw new Refusal(noService(id))
      const cluster = (clusterName: string) => ({
        clusterName,
        healthChecker: { type: 'TCP' },
        healthyCheckPort: 80,
        useInstancePortForCheck: true,
        metadata: {},
        hosts: null,
      })
      return result({
        namespaceId: id.namespace,
        serviceName: id.name,
        groupName: id.group,
        clusterMap: Object.fromEntries(service.clusters.map((name) => [name, cluster(name)])),
        metadata: service.metadata,
        protectThreshold: service.protectThreshold,
        selector: { type: 'none', contextType: 'NONE' },
        ephemeral: service.ephemeral,
      })
    },
  }
}

function configRoutes(store: ConfigStore): Routes {
  return {
    'GET /v3/admin/cs/config': ({ params }) => {
      const config = store.get(configOf(params))
      if (!config) throw new Refusal(notFound('config data not exist'))
      return result({
        id: config.id,
        namespaceId: config.tenant || 'public',
        groupName: config.group,
        dataId: config.dataId,
        md5: config.md5,
        type: config.type,
        appName: config.appName,
        createTime: config.createdMs,
        modifyTime: config.modifiedMs,
        content: config.content,
        desc: config.description,
        encryptedDataKey: config.encryptedDataKey,
        createUser: null,
        createIp: config.sourceIp,
        configTags: config.tags,
      })
    },

    'POST /v3/admin/cs/config': (call) => publishConfig(store, configOf(call.params), call),

    'DELETE /v3/admin/cs/config': ({ params }) => {
      store.remove(configOf(params))
      return result(true)
    },
  }
}

function configOf(params: Params): ConfigId {
  return {
    dataId: required(params, 'dataId'),
    group: required(params, 'groupName'),
    tenant: tenantOf(params.get('namespaceId')),
  }
}

function noService(id: ReturnType<typeof serviceOf>) {
  return result(
    `service not found, namespace: ${id.namespace}, serviceName: ${fullName(id)}`,
    21_008,
    'service not exist',
    404,
  )
}

function notFound(why: string) {
  return result(why, 20_004, 'resource not found', 404)
}
