import type { BeatTimes } from './instance.js'
import type { ConfigStore } from './config-store.js'
import type { Naming } from './naming.js'
import { filled, parseFlag } from './naming-params.js'
import { serviceJson } from './naming-view.js'
import { Refusal, caused, result } from './reply.js'
import type { Routes } from './router.js'
import { addressOf, instanceOf, register, serviceOf, tenantOf } from './v3-params.js'

/** /nacos/v3/client…, as Nacos 3.0.3 answers. */
export function v3Client(naming: Naming, store: ConfigStore, defaults: BeatTimes): Routes {
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

    // Healthy or not: v3 ignores healthyOnly.
    'GET /v3/client/ns/instance/list': ({ params }) => {
      const filter = { clusters: filled(params, 'clusterName') ?? '', healthyOnly: false }
      return result(serviceJson(naming, serviceOf(params), filter, defaults)['hosts'])
    },

    'GET /v3/client/cs/config': ({ params }) => {
      const config = store.get({
        dataId: present(params.get('dataId'), 'dataId'),
        group: present(params.get('groupName'), 'groupName'),
        tenant: tenantOf(params),
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
