import type { Params } from './body.js'
import { tenantOf } from './config-store.js'
import { publishConfig } from './config-publish.js'
import type { ConfigId, ConfigStore } from './config-store.js'
import { checked, configNames } from './named-params.js'
import { filled } from './naming-params.js'
import { JSON_UTF8, Refusal, result } from './reply.js'
import type { Routes } from './router.js'
import { required } from './v3-params.js'

/** /nacos/v2/cs/config, as Nacos 2.2.4 answers; casMd5 is honoured, as by 3.x. */
export function v2Config(store: ConfigStore): Routes {
  return checked(routes(store), configNames)
}

function routes(store: ConfigStore): Routes {
  return {
    'GET /v2/cs/config': ({ params }) => {
      const config = store.get(idOf(params, present))
      const tagged = filled(params, 'tag') !== undefined
      const headers = config && {
        'Config-Type': config.type,
        ...(!tagged && { 'Content-MD5': config.md5, 'Last-Modified': new Date(config.modifiedMs).toUTCString() }),
      }
      const reply =
        config && !tagged ? result(config.content) : result('config data not exist', 20_004, 'resource not found', 404)
      return { ...reply, type: JSON_UTF8, headers }
    },

    'POST /v2/cs/config': (call) => publishConfig(store, idOf(call.params, required), call),

    'DELETE /v2/cs/config': ({ params }) => {
      store.remove(idOf(params, present))
      return result(true)
    },
  }
}

function idOf(params: Params, read: (params: Params, name: string) => string): ConfigId {
  return { dataId: read(params, 'dataId'), group: read(params, 'group'), tenant: tenantOf(params.get('namespaceId')) }
}

/** A parameter that Spring itself wants to be there. */
function present(params: Params, name: string): string {
  const value = params.get(name)
  if (value) return value
  const why = `Required request parameter '${name}' for method parameter type String is not present`
  throw new Refusal(result(why, 10_000, 'parameter missing', 400))
}
