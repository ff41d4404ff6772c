import type { Params } from './body.js'
import { tenantOf } from './config-store.js'
import type { ConfigId, ConfigStore, StoredConfig } from './config-store.js'
import { checked, configNames } from './named-params.js'
import { filled, parseFlag } from './naming-params.js'
import { isBlank } from './param-check.js'
import { JSON_UTF8, Refusal, TEXT, caused, json, text } from './reply.js'
import type { Reply } from './reply.js'
import type { Call, Routes } from './router.js'
import { requestParam } from './v1-params.js'
import { pageOf } from './page.js'

export const NO_CACHE = {
  Pragma: 'no-cache',
  Expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
  'Cache-Control': 'no-cache,no-store',
}

/** /nacos/v1/cs/configs, as Nacos 3.0.3 answers, and 2.2.4 where 3.0.3 has no answer. */
export function v1Config(store: ConfigStore): Routes {
  return checked(routes(store), (call) => {
    // A search by pattern holds signs that no name has.
    return call.params.get('search') === 'blur' ? [] : configNames(call)
  })
}

function routes(store: ConfigStore): Routes {
  return {
    'GET /v1/cs/configs': (call) => {
      const { params } = call
      if (filled(params, 'search')) return search(store, params)
      const config = store.get(configOf(call))
      if (params.get('show') === 'all') return config ? json(detail(config), 200, JSON_UTF8) : text('', 200, JSON_UTF8)
      return config ? document(config) : text('config data not exist\n', 404, JSON_UTF8)
    },

    'POST /v1/cs/configs': (call) => {
      const { params, header, remote } = call
      const id = configOf(call)
      const content = requestParam(call, 'content')
      if (isBlank(content)) throw refused(400, `content is blank : ${content}`)
      // Taking a trial release for a full one would hand it to every client.
      if (header('betaips')) throw refused(501, 'beta publishing is not part of the embedded registry')
      const draft = {
        ...id,
        content,
        type: filled(params, 'type'),
        appName: filled(params, 'appName'),
        description: filled(params, 'desc'),
        tags: filled(params, 'config_tags'),
        encryptedDataKey: filled(params, 'encryptedDataKey'),
        sourceIp: remote,
      }
      const done = store.publish(draft, header('casmd5'))
      return text(String(done), done ? 200 : 500, JSON_UTF8)
    },

    'DELETE /v1/cs/configs': (call) => {
      // Ends a trial release, of which there are none; the document stays.
      if (parseFlag(call.params.get('beta'), false)) {
        configOf(call)
        return json({ code: 200, message: 'stop beta ok', data: true }, 200, JSON_UTF8)
      }
      store.remove(configOf(call))
      return text('true', 200, JSON_UTF8)
    },
  }
}

function configOf(call: Call): ConfigId {
  const dataId = requestParam(call, 'dataId')
  const group = requestParam(call, 'group')
  if (isBlank(dataId)) throw refused(400, `invalid dataId : ${dataId}`)
  if (isBlank(group)) throw refused(400, `invalid group : ${group}`)
  return { dataId, group, tenant: tenantOf(call.params.get('tenant')) }
}

function refused(status: number, why: string): Refusal {
  return new Refusal(caused(status, why, JSON_UTF8))
}

function document(config: StoredConfig): Reply {
  return {
    status: 200,
    type: TEXT,
    headers: {
      'Config-Type': config.type,
      'Content-MD5': config.md5,
      ...NO_CACHE,
      'Last-Modified': new Date(config.modifiedMs).toUTCString(),
      'Encrypted-Data-Key': encodeURIComponent(config.encryptedDataKey),
    },
    body: config.content,
  }
}

function detail(config: StoredConfig) {
  const { id, dataId, group, content, md5, encryptedDataKey, tenant, appName, type } = config
  return {
    ...{ id, dataId, group, content, md5, encryptedDataKey, tenant, appName, type },
    createTime: config.createdMs,
    modifyTime: config.modifiedMs,
    createUser: null,
    createIp: config.sourceIp,
    desc: config.description,
    use: null,
    effect: null,
    schema: null,
    configTags: config.tags,
  }
}

/** The console's search: `accurate` takes names as they are ('' for any), `blur` takes `*`. */
function search(store: ConfigStore, params: Params): Reply {
  const blur = params.get('search') === 'blur'
  const matches = (pattern: string, name: string) => {
    if (pattern === '') return true
    return blur ? globMatches(pattern, name) : pattern === name
  }
  const found = store
    .all()
    .filter(({ tenant }) => tenant === tenantOf(params.get('tenant')))
    .filter(
      ({ dataId, group }) => matches(params.get('dataId') ?? '', dataId) && matches(params.get('group') ?? '', group),
    )
  const pageNo = params.get('pageNo') ?? '1'
  const pageSize = filled(params, 'pageSize') ?? '10'
  const body = {
    totalCount: found.length,
    pageNumber: Math.max(1, Number.parseInt(pageNo, 10) || 1),
    pagesAvailable: Math.ceil(found.length / Math.max(1, Number.parseInt(pageSize, 10) || 1)),
    pageItems: pageOf(found, pageNo, pageSize).map(
      ({ id, dataId, group, content, encryptedDataKey, tenant, appName, type }) => ({
        ...{ id, dataId, group, content, md5: null, tenant, appName },
        // The two searches leave out different columns.
        encryptedDataKey: blur ? encryptedDataKey : null,
        type: blur ? null : type,
      }),
    ),
  }
  return json(body, 200, JSON_UTF8)
}

/** `*` for any run of characters, in linear steps: no regular expression is built from a request. */
function globMatches(pattern: string, name: string): boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return name.includes(pattern)
  let from = parts[0]!.length
  if (!name.startsWith(parts[0]!)) return false
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, from)
    if (at < 0) return false
    from = at + part.length
  }
  return name.length - from >= parts.at(-1)!.length && name.endsWith(parts.at(-1)!)
}
