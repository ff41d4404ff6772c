import type { BeatTimes } from './instance.js'
import { tenantOf } from './config-store.js'
import type { ConfigStore } from './config-store.js'
import type { Naming } from './naming.js'
import { checked, configNames, instanceNames, listNames } from './named-params.js'
import { DEFAULT_CLUSTER, filled, parseFlag } from './naming-params.js'
import { serviceJson } from './naming-view.js'
import { Refusal, caused, result } from './reply.js'
import type { Routes } from './router.js'
import { addressOf, instanceOf, metadataOf, register, serviceOf } from './v3-params.js'

/** What a v3 list holds that names no cluster: that of 3.0 to 3.2 cluster DEFAULT alone, later ones every cluster. */
export type ListWithoutCluster = 'default' | 'all'

export interface V3ClientOptions {
  readonly naming: Naming
  readonly store: ConfigStore
  readonly defaults: BeatTimes
  readonly listWithoutCluster: ListWithoutCluster
}

/** /nacos/v3/client…, as Nacos 3.0.3 answers. */
export function v3Client(options: V3ClientOptions): Routes {
  return {
    ...checked(instanceRoutes(options), instanceNames(metadataOf)),
    ...checked(listRoute(options), listNames),
    ...checked(configRoute(options), configNames),
  }
}

function instanceRoutes({ naming, defaults }: V3ClientOptions): Routes {
  return {
    'POST /v3/client/ns/instance': (call) => {
      const id = serviceOf(call.params)
      const { ip, port } = addressOf(call.params)
      if (parseFlag(call.params.get('heartBeat'), false)) {
        return naming.beat(id, ip, port) ? result('ok') : result(null, 21_003, 'instance not found')
      }
      register(naming, id, instanceOf(call, { ip, port }, defaults))
      if (!parseFlag(call.params.get('healthy'), true)) naming.setHealthy(id, ip, port, false)
      return result('ok')
    },

    'DELETE /v3/client/ns/instance': (call) => {
      const { ip, port } = addressOf(call.params)
      naming.deregister(serviceOf(call.params), ip, port, parseFlag(call.params.get('ephemeral'), true))
      return result('ok')
    },
  }
}

function listRoute({ naming, defaults, listWithoutCluster }: V3ClientOptions): Routes {
  const otherwise = listWithoutCluster === 'all' ? '' : DEFAULT_CLUSTER
  return {
    // Healthy or not: v3 ignores healthyOnly.
    'GET /v3/client/ns/instance/list': ({ params }) => {
      const filter = { clusters: filled(params, 'clusterName') ?? otherwise, healthyOnly: false }
      return result(serviceJson(naming, serviceOf(params), filter, { defaults, generation: 3 })['hosts'])
    },
  }
}

function configRoute({ store }: V3ClientOptions): Routes {
  return {
    'GET /v3/client/cs/config': ({ params }) => {
      const config = store.get({
        dataId: present(params.get('dataId'), 'dataId'),
        group: present(params.get('groupName'), 'groupName'),
        tenant: tenantOf(params.get('namespaceId')),
      })
      if (!config) return result(null, 20_004, 'resource not found')
      return result({
        resultCode: 200,
        errorCode: 0,
        message: null,
        requestId: null,
        content: config.content,
        encryptedDataKey: config.encryptedDataKey,
        contentType: config.type,
        md5: config.md5,
        lastModified: config.modifiedMs,
        tag: null,
        beta: false,
        success: true,
      })
    },
  }
}

/** The client config API alone refuses a missing parameter in plain text. */
function present(value: string | undefined, name: string): string {
  if (value) return value
  throw new Refusal(caused(400, `Required parameter '${name}' type String is not present`))
}
