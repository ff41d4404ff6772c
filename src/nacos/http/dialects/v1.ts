import { serviceKeyText } from '../../../instance.js'
import type { ConfigItem, ConfigKey, ServiceInstance } from '../../../types.js'
import { isObject } from '../../../util/is-object.js'
import { decodeChanged, encodeListening } from '../listener.js'
import { RequestFailure } from '../failure.js'
import type { Params, WireResponse } from '../wire.js'
import { assertSuccess, configItem, isCasConflict, malformed, parseJson } from './parse-response.js'
import { configLabel, instanceLabel, namespaceId, type Dialect, type SignedResource } from './dialect.js'
import { identity, naming, readInstances } from './instances.js'

/** Nacos 1.x to 3.1 and r-nacos. */
export const v1: Dialect = {
  version: 'v1',

  register: (instance) => ({
    what: `registering ${instanceLabel(instance)}`,
    request: { method: 'POST', path: '/v1/ns/instance', form: instanceForm(instance) },
    resource: naming(instance),
    decode: expectOk,
  }),

  deregister: (instance) => ({
    what: `deregistering ${instanceLabel(instance)}`,
    request: { method: 'DELETE', path: '/v1/ns/instance', query: identity(instance) },
    resource: naming(instance),
    decode: expectOk,
  }),

  // Always the full beat, always with the cluster: r-nacos makes a bare instance of a light beat for an unknown one,
  // and moves an instance to DEFAULT where the cluster is left out.
  beat: (instance) => ({
    what: `the heartbeat of ${instanceLabel(instance)}`,
    request: {
      method: 'PUT',
      path: '/v1/ns/instance/beat',
      form: {
        ...identity(instance),
        ephemeral: undefined,
        serviceName: serviceKeyText(instance),
        beat: JSON.stringify({
          ip: instance.ip,
          port: instance.port,
          serviceName: serviceKeyText(instance),
          cluster: instance.cluster,
          weight: instance.weight,
          metadata: instance.metadata,
          scheduled: true,
        }),
      },
    },
    resource: naming(instance),
    decode(response) {
      assertSuccess(response)
      const word = response.body.trim()
      // Nacos before 1.0 and what imitates it answer with a word or nothing, Nacos 1.0 to 1.1.4 without a code: there a
      // success is one.
      if (word === '' || /^"?ok"?$/i.test(word)) return { known: true }
      const answer = parseJson(response)
      if (!isObject(answer)) throw malformed('is no object', response)
      const code = Number(answer['code'] ?? BEAT_OK)
      const intervalMs = Number(answer['clientBeatInterval'])
      if (code === BEAT_UNKNOWN) return { known: false }
      if (!BEAT_TAKEN.includes(code)) throw new RequestFailure('refused', `code ${String(answer['code'])}`)
      return { known: true, ...(Number.isFinite(intervalMs) && intervalMs > 0 && { intervalMs }) }
    },
  }),

  list: (key) => ({
    what: `listing ${serviceKeyText(key)}`,
    request: {
      method: 'GET',
      path: '/v1/ns/instance/list',
      query: {
        serviceName: key.service,
        groupName: key.group,
        namespaceId: namespaceId(key.namespace),
        healthyOnly: false,
      },
    },
    resource: naming(key),
    decode(response) {
      assertSuccess(response)
      const answer = parseJson(response)
      return readInstances(isObject(answer) ? answer['hosts'] : undefined, key, response)
    },
  }),

  listServices: ({ pageNo, pageSize, namespace, group }) => ({
    what: `listing the services of ${group}`,
    request: {
      method: 'GET',
      path: '/v1/ns/service/list',
      query: { pageNo, pageSize, namespaceId: namespaceId(namespace), groupName: group },
    },
    resource: { type: 'naming' },
    decode(response) {
      // Nacos 1.x has no empty page beyond the last one.
      const beyond = response.status === 400 && /fromIndex\(\d+\) > toIndex\((\d+)\)/.exec(response.body)
      if (beyond) return { count: Number(beyond[1]), names: [] }
      assertSuccess(response)
      const answer = parseJson(response)
      if (!isObject(answer) || !Array.isArray(answer['doms'])) throw malformed('holds no service names', response)
      const names = answer['doms'].map(String)
      return { count: Number(answer['count'] ?? names.length), names }
    },
  }),

  getConfig: (key) => ({
    what: `reading config ${configLabel(key)}`,
    request: { method: 'GET', path: '/v1/cs/configs', query: configParams(key) },
    resource: config(key),
    decode(response): ConfigItem | undefined {
      // Any other 404 is a missing route, which proves nothing about the document.
      if (response.status === 404 && /config data not exist/i.test(response.body)) return undefined
      assertSuccess(response)
      const { body, headers } = response
      // Every Nacos sends an MD5 with a document; nothing at all comes from something in front of it.
      if (body === '' && headers['content-md5'] === undefined && headers['config-type'] === undefined) {
        throw malformed('holds no document', response)
      }
      return configItem(key, body, headers['config-type'])
    },
  }),

  publishConfig: (item, casMd5) => ({
    what: `publishing config ${configLabel(item)}`,
    request: {
      method: 'POST',
      path: '/v1/cs/configs',
      form: { ...configParams(item), content: item.content, type: item.type },
      ...(casMd5 !== undefined && { headers: { casMd5: encodeURIComponent(casMd5) } }),
    },
    resource: config(item),
    // The second of two would find the MD5 the first has changed.
    idempotent: casMd5 === undefined,
    decode(response) {
      // A lost race is an HTTP 500: of Nacos 3 with the body `false`, of 2.5 in words.
      if (casMd5 !== undefined && (response.body.trim() === 'false' || isCasConflict(response))) return false
      return expectBoolean(response)
    },
  }),

  deleteConfig: (key) => ({
    what: `deleting config ${configLabel(key)}`,
    request: { method: 'DELETE', path: '/v1/cs/configs', query: configParams(key) },
    resource: config(key),
    decode: expectBoolean,
  }),

  listen: (configs, holdMs) => ({
    what: `watching ${configs.length} configs`,
    request: {
      method: 'POST',
      path: '/v1/cs/configs/listener',
      form: { 'Listening-Configs': encodeListening(configs) },
      headers: { 'Long-Pulling-Timeout': String(holdMs) },
    },
    resource: { type: 'config', namespace: configs[0]?.namespace ?? '' },
    decode(response) {
      assertSuccess(response)
      return decodeChanged(response)
    },
  }),
}

const BEAT_OK = 10200
/** Nacos, and the codes of success in envelopes of gateways and other registries. */
const BEAT_TAKEN: readonly number[] = [BEAT_OK, 200, 0]
const BEAT_UNKNOWN = 20404

const config = ({ namespace, group }: ConfigKey): SignedResource => ({ type: 'config', namespace, group })

function instanceForm(instance: ServiceInstance): Params {
  return {
    ...identity(instance),
    weight: instance.weight,
    // Left out where it is the default: r-nacos would enable an instance that an operator has disabled.
    enabled: instance.enabled ? undefined : false,
    healthy: instance.healthy,
    metadata: JSON.stringify(instance.metadata),
  }
}

// `tenant=public` is stored by Nacos 2 where a read cannot find it: the public namespace is no tenant at all.
function configParams({ dataId, group, namespace }: ConfigKey): Params {
  return { dataId, group, tenant: namespace || undefined }
}

function expectOk(response: WireResponse): void {
  assertSuccess(response)
  if (response.body.trim() !== 'ok') throw malformed('is not "ok"', response)
}

function expectBoolean(response: WireResponse): boolean {
  assertSuccess(response)
  const word = response.body.trim()
  if (word !== 'true' && word !== 'false') throw malformed('is neither true nor false', response)
  return word === 'true'
}
