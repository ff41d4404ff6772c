import type { ConfigId, ConfigStore } from './config-store.js'
import type { Member } from './console/audience.js'
import { configKey, tenantOf } from './config-store.js'
import { checked } from './named-params.js'
import { JSON_UTF8, Refusal, caused, errorPage, text } from './reply.js'
import type { Reply } from './reply.js'
import type { Call, Routes } from './router.js'
import { NO_CACHE } from './v1-config.js'

const WORD = '\u0002'
const LINE = '\u0001'

export interface ListenerTimes {
  /** A hold is never shorter. @default 10000 */
  readonly shortestHoldMs: number
  /** Answered this long before the client would give up. @default 500 */
  readonly headStartMs: number
}

/** The long polls that are held now. */
export interface LongPolls {
  readonly held: Set<{ readonly keys: ReadonlySet<string>; readonly member: Member }>
  /** Those that wait for this document. */
  of(id: ConfigId): Member[]
}

export function createLongPolls(): LongPolls {
  const held: LongPolls['held'] = new Set()
  return {
    held,
    of: (id) => [...held].filter(({ keys }) => keys.has(configKey(id))).map(({ member }) => member),
  }
}

interface Watched extends ConfigId {
  readonly md5: string
  /** As the client wrote it. */
  readonly namespace: string
}

/** /nacos/v1/cs/configs/listener: the long poll. */
export function v1Listener(store: ConfigStore, times: ListenerTimes, polls: LongPolls): Routes {
  return checked(routes(store, times, polls), (call) =>
    parseListening(call).map(({ tenant, ...names }) => ({ ...names, namespaceId: tenant })),
  )
}

function routes(store: ConfigStore, times: ListenerTimes, polls: LongPolls): Routes {
  return {
    'POST /v1/cs/configs/listener': async (call) => {
      const watched = parseListening(call)
      const differing = () => watched.filter((config) => store.md5Of(config) !== config.md5)
      const changed = differing()
      const timeout = call.header('long-pulling-timeout')
      if (timeout === undefined) return probe(changed)
      if (changed.length > 0) return notice(changed)
      if (call.header('long-pulling-timeout-no-hangup') === 'true') return text('', 200, JSON_UTF8)
      const askedMs = Number(timeout)
      if (!Number.isFinite(askedMs)) throw new Refusal(caused(400, `For input string: "${timeout}"`))
      const member: Member = { via: 'long-poll', client: call.header('user-agent') ?? '', address: call.remote }
      const poll = { keys: new Set(watched.map(configKey)), member }
      polls.held.add(poll)
      await changeOf(store, poll.keys, Math.max(times.shortestHoldMs, askedMs - times.headStartMs), call)
      polls.held.delete(poll)
      const now = differing()
      return now.length > 0 ? notice(now) : text('', 200, JSON_UTF8)
    },
  }
}

/** Settles at the first change of a watched document, when the time is up, or when the caller is gone. */
function changeOf(store: ConfigStore, keys: ReadonlySet<string>, holdMs: number, { signal }: Call): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      store.off('change', onChange)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const onChange = (id: ConfigId) => keys.has(configKey(id)) && done()
    const timer = setTimeout(done, holdMs)
    timer.unref()
    store.on('change', onChange)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}

/** `dataId WORD group WORD md5 [WORD tenant] LINE`, repeated; an md5 may be missing: the client holds nothing. */
function parseListening({ params, path }: Call): Watched[] {
  const raw = params.get('Listening-Configs') ?? ''
  if (raw.trim() === '') throw new Refusal(caused(400, 'invalid probeModify', JSON_UTF8))
  const watched: Watched[] = []
  for (const line of decodeAgain(raw).split(LINE)) {
    if (line === '') continue
    const [dataId, group, md5 = '', namespace = '', ...more] = line.split(WORD)
    if (!dataId || !group || more.length > 0) {
      // Nacos throws it outside of its own error handlers.
      throw new Refusal(errorPage(500, 'Handle API Compatibility failed, please see log for detail.', path))
    }
    watched.push({ dataId, group, md5, namespace, tenant: tenantOf(namespace) })
  }
  return watched
}

// Nacos decodes the parameter a second time; clients that encode twice rely on it.
function decodeAgain(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}

function notice(changed: readonly Watched[]): Reply {
  return { ...text(`${encodeChanged(changed)}\n`, 200, JSON_UTF8), headers: NO_CACHE }
}

/** Without a timeout the change stands in headers only. */
function probe(changed: readonly Watched[]): Reply {
  const old = changed.map(({ dataId, group }) => `${dataId}:${group};`).join('')
  const headers = {
    'Probe-Modify-Response': old.replace(/[^\x20-\x7e]/g, '?'),
    'Probe-Modify-Response-New': encodeChanged(changed),
    ...NO_CACHE,
  }
  return { ...text('', 200, JSON_UTF8), headers }
}

function encodeChanged(changed: readonly Watched[]): string {
  const lines = changed.map(
    ({ dataId, group, namespace }) => [dataId, group, ...(namespace ? [namespace] : [])].join(WORD) + LINE,
  )
  // Java's URLEncoder: `*` stays, `!'()~` do not.
  return encodeURIComponent(lines.join('')).replace(
    /[!'()~]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
