import { instanceId, serviceKeyText } from '../../../instance.js'
import type { ConfigItem, ConfigKey, ServiceInstance } from '../../../types.js'
import { isObject } from '../../../util/is-object.js'
import { INSTANCE_ID } from '../../host.js'
import { RequestFailure } from '../failure.js'
import type { Params, WireResponse } from '../wire.js'
import { assertSuccess, configItem, isCasConflict, malformed } from './parse-response.js'
import { configLabel, instanceLabel, namespaceId, type Dialect, type SignedResource } from './dialect.js'
import { identity, naming, readInstances } from './instances.js'

const ADMIN_HINT =
  'Nacos 3 does this through its admin API, which requires a login even if authentication is off: set cloud.nacos.username and cloud.nacos.password of a user with that permission.'

export const RESOURCE_NOT_FOUND = 20004
const RESOURCE_CONFLICT = 20005
const INSTANCE_NOT_FOUND = 21003

/** Nacos 3: the client API, and the admin API for what that one lacks. It has no config listener. */
export const v3: Dialect = {
  version: 'v3',

  register: (instance) => ({
    what: `registering ${instanceLabel(instance)}`,
    request: {
      method: 'POST',
      path: '/v3/client/ns/instance',
      form: { ...instanceForm(instance), ...withId(instance) },
    },
    resource: naming(instance),
    decode: (response) => void dataOf(response),
  }),

  deregister: (instance) => ({
    what: `deregistering ${instanceLabel(instance)}`,
    request: { method: 'DELETE', path: '/v3/client/ns/instance', query: identity(instance) },
    resource: naming(instance),
    decode: (response) => void dataOf(response),
  }),

  beat: (instance) => ({
    what: `the heartbeat of ${instanceLabel(instance)}`,
    request: {
      method: 'POST',
      path: '/v3/client/ns/instance',
      form: { ...instanceForm(instance), heartBeat: true },
    },
    resource: naming(instance),
    decode(response) {
      const envelope = open(response)
      if (envelope?.code === INSTANCE_NOT_FOUND) return { known: false }
      dataOf(response, envelope)
      return { known: true }
    },
  }),

  // Without a cluster, Nacos 3.0 to 3.2 list DEFAULT only.
  list: (key, clusters) => ({
    what: `listing ${serviceKeyText(key)}`,
    request: {
      method: 'GET',
      path: '/v3/client/ns/instance/list',
      query: {
        serviceName: key.service,
        groupName: key.group,
        namespaceId: namespaceId(key.namespace),
        clusterName: clusters?.join(','),
      },
    },
    resource: naming(key),
    decode: (response) => readInstances(dataOf(response), key, response),
  }),

  listServices: ({ pageNo, pageSize, namespace, group }) => ({
    what: `listing the services of ${group}`,
    hint: ADMIN_HINT,
    request: {
      method: 'GET',
      path: '/v3/admin/ns/service/list',
      query: { pageNo, pageSize, namespaceId: namespaceId(namespace), groupNameParam: group },
    },
    resource: { type: 'naming' },
    decode(response) {
      const data = dataOf(response)
      if (!isObject(data) || !Array.isArray(data['pageItems'])) throw malformed('holds no services', response)
      // groupNameParam is a pattern on the server.
      const own = data['pageItems'].filter((item) => isObject(item) && item['groupName'] === group)
      return {
        count: Number(data['totalCount'] ?? own.length),
        names: own.map((item: Record<string, unknown>) => String(item['name'])),
      }
    },
  }),

  getConfig: (key) => ({
    what: `reading config ${configLabel(key)}`,
    request: { method: 'GET', path: '/v3/client/cs/config', query: configParams(key) },
    resource: config(key),
    decode(response): ConfigItem | undefined {
      const envelope = open(response)
      if (envelope?.code === RESOURCE_NOT_FOUND) return undefined
      const data = dataOf(response, envelope)
      if (!isObject(data) || typeof data['content'] !== 'string') throw malformed('holds no content', response)
      const type = data['contentType']
      return configItem(key, data['content'], typeof type === 'string' ? type : undefined)
    },
  }),

  publishConfig: (item, casMd5) => ({
    what: `publishing config ${configLabel(item)}`,
    hint: ADMIN_HINT,
    request: {
      method: 'POST',
      path: '/v3/admin/cs/config',
      form: { ...configParams(item), content: item.content, type: item.type },
      ...(casMd5 !== undefined && { headers: { casMd5: encodeURIComponent(casMd5) } }),
    },
    resource: config(item),
    // The second of two would find the MD5 the first has changed.
    idempotent: casMd5 === undefined,
    decode(response) {
      const envelope = open(response)
      if (envelope?.code === RESOURCE_CONFLICT) return false
      if (casMd5 !== undefined && isCasConflict(response)) return false
      return dataOf(response, envelope) === true
    },
  }),

  deleteConfig: (key) => ({
    what: `deleting config ${configLabel(key)}`,
    hint: ADMIN_HINT,
    request: { method: 'DELETE', path: '/v3/admin/cs/config', query: configParams(key) },
    resource: config(key),
    decode(response) {
      const envelope = open(response)
      return envelope?.code === RESOURCE_NOT_FOUND || dataOf(response, envelope) === true
    },
  }),
}

// The namespace is signed as it is sent.
const config = ({ namespace, group }: ConfigKey): SignedResource => ({
  type: 'config',
  namespace: namespaceId(namespace),
  group,
})

function instanceForm(instance: ServiceInstance): Params {
  return {
    ...identity(instance),
    weight: instance.weight,
    enabled: instance.enabled,
    healthy: instance.healthy,
    metadata: JSON.stringify(instance.metadata),
  }
}

/**
 * v1 and gRPC make an instance id, v3 does not and has no parameter for one; the server keeps it in this metadata entry
 * itself, and lists it as `instanceId` and not as metadata. Java's `Instance.getInstanceId()` is null without it.
 */
function withId(instance: ServiceInstance): Params {
  const { metadata } = instance
  const id = `${instanceId(instance)}#${serviceKeyText(instance)}`
  const size = Object.entries(metadata).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  // Rather no id than a refusal.
  if (size + INSTANCE_ID.length + id.length > MAX_METADATA || Object.hasOwn(metadata, INSTANCE_ID)) return {}
  return { metadata: JSON.stringify({ ...metadata, [INSTANCE_ID]: id }) }
}

const MAX_METADATA = 1024

function configParams({ dataId, group, namespace }: ConfigKey): Params {
  return { dataId, groupName: group, namespaceId: namespaceId(namespace) }
}

export interface Envelope {
  readonly code: number
  readonly message?: unknown
  readonly data?: unknown
}

/** `{code, message, data}`, whatever the status; `undefined` where the body is something else. */
export function open({ body }: WireResponse): Envelope | undefined {
  try {
    const answer = JSON.parse(body) as unknown
    if (!isObject(answer)) return undefined
    const { code } = answer
    if (typeof code === 'string' && /^\d+$/.test(code)) return { ...answer, code: Number(code) }
    return typeof code === 'number' ? (answer as unknown as Envelope) : undefined
  } catch {
    return undefined
  }
}

export function dataOf(response: WireResponse, envelope = open(response)): unknown {
  assertSuccess(response)
  if (!envelope) throw malformed('is not {code, message, data}', response)
  if (envelope.code !== 0) throw new RequestFailure('refused', `code ${envelope.code} "${String(envelope.message)}"`)
  return envelope.data
}
