import type { Params } from './body.js'
import { isConfigName, isTenant } from './config-params.js'
import type { ConfigId, ConfigStore, StoredConfig } from './config-store.js'
import { filled } from './naming-params.js'
import { JSON_UTF8, Refusal, TEXT, caused, json, text } from './reply.js'
import type { Reply } from './reply.js'
import type { Routes } from './router.js'
import { requestParam } from './v1-params.js'
import { pageOf } from './page.js'

export const NO_CACHE = {
  Pragma: 'no-cache',
  Expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
  'Cache-Control': 'no-cache,no-store',
}

/** /nacos/v1/cs/configs, as Nacos 2.2.4 answers; casMd5 is honoured, as by 3.x. */
export function v1Config(store: ConfigStore): Routes {
  return {
    'GET /v1/cs/configs': ({ params }) => {
      if (filled(params, 'search')) return search(store, params)
      const id = configOf(params)
      // 2.x reads the tenant `public` as the public namespace, but writes it as one of that name: a trap worth meeting here.
      const config = store.get(id.tenant === 'public' ? { ...id, tenant: '' } : id)
      if (params.get('show') === 'all') return config ? json(detail(config), 200, JSON_UTF8) : text('', 200, JSON_UTF8)
      return config ? document(config) : text('config data not exist\n', 404, JSON_UTF8)
    },

    'POST /v1/cs/configs': ({ params, header, remote }) => {
      const id = configOf(params)
      const content = requestParam(params, 'content')
      if (content.trim() === '') throw new Refusal(caused(500, `content is blank : ${content}`))
      // Taking a trial release for a full one would hand it to everybody.
      if (header('betaips')) throw new Refusal(caused(501, 'beta publishing is not part of the embedded registry'))
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

    'DELETE /v1/cs/configs': ({ params }) => {
      store.remove(configOf(params))
      return text('true', 200, JSON_UTF8)
    },
  }
}

function configOf(params: Params): ConfigId {
  const dataId = requestParam(params, 'dataId')
  const group = requestParam(params, 'group')
  const tenant = params.get('tenant') ?? ''
  if (!isTenant(tenant)) throw new Refusal(caused(400, 'invalid tenant'))
  if (!isConfigName(dataId)) throw new Refusal(caused(500, `invalid dataId : ${dataId}`))
  if (!isConfigName(group)) throw new Refusal(caused(500, `invalid group : ${group}`))
  return { dataId, group, tenant }
}

function document(config: StoredConfig): Reply {
  return {
    status: 200,
    // XML and HTML go out as plain text: nobody's document may run as a page of this origin.
    type: config.type === 'json' ? JSON_UTF8 : TEXT,
    headers: {
      'Config-Type': config.type,
      'Content-MD5': config.md5,
      ...NO_CACHE,
      'Last-Modified': new Date(config.modifiedMs).toUTCString(),
      ...(config.encryptedDataKey && { 'Encrypted-Data-Key': encodeURIComponent(config.encryptedDataKey) }),
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
    .filter(({ tenant }) => tenant === (params.get('tenant') ?? ''))
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
