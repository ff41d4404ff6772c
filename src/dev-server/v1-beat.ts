import { beatTimesOf } from './instance.js'
import type { BeatTimes, Published } from './instance.js'
import type { Naming } from './naming.js'
import { checkedHandler, serviceNames } from './named-params.js'
import { DEFAULT_CLUSTER, filled, instanceFault, parseInteger, scalarsOf } from './naming-params.js'
import type { NamedParams } from './param-check.js'
import { json } from './reply.js'
import type { Call, Handler, Routes } from './router.js'
import { filterFailed, instanceIdOf, refused, register, serviceOf } from './v1-params.js'

/** /nacos/v1/ns/instance/beat: a full heartbeat creates what is unknown, a light one asks for it (20404). */
export function v1Beat(naming: Naming, defaults: BeatTimes): Routes {
  return { 'PUT /v1/ns/instance/beat': beatHandler(naming, defaults) }
}

function beatNames(call: Call): NamedParams[] {
  const { params } = call
  const { ip, port, cluster } = beatOf(call) ?? {}
  return [
    {
      ...serviceNames(params),
      namespaceId: params.get('namespaceId'),
      ip: params.get('ip'),
      port: params.get('port'),
    },
    { ip, port: port?.toString(), cluster },
  ]
}

export function beatHandler(naming: Naming, defaults: BeatTimes): Handler {
  return checkedHandler(beatNames, (call) => {
    const id = serviceOf(call)
    const beat = beatOf(call)
    const ip = beat?.ip ?? filled(call.params, 'ip')
    const port = beat?.port ?? parseInteger(call.params.get('port') ?? '') ?? 0
    let times = ip === undefined ? undefined : naming.beat(id, ip, port)
    if (!times && beat) {
      const instance = { ...beat, enabled: true, ephemeral: true, instanceId: instanceIdOf(id, beat) }
      const fault = instanceFault(instance, defaults)
      if (fault) throw refused(fault)
      register(naming, id, instance)
      times = beatTimesOf(beat.metadata, defaults)
    }
    return json({
      clientBeatInterval: (times ?? defaults).intervalMs,
      code: times ? 10_200 : 20_404,
      lightBeatEnabled: true,
    })
  })
}

/** The `beat` parameter of a full heartbeat; `undefined` for a light one. */
function beatOf({ params, path }: Call): Omit<Published, 'enabled' | 'ephemeral' | 'instanceId'> | undefined {
  const raw = filled(params, 'beat')
  if (!raw) return undefined
  const faulty = (why: string) => {
    const what = `Nacos deserialize for class [com.alibaba.nacos.naming.healthcheck.RsInfo] failed, cause error[${why}].`
    return filterFailed(`errCode: 101, errMsg: ${what}  `, why, path)
  }
  let value: unknown
  try {
    value = JSON.parse(raw)
  } catch {
    throw faulty('not a JSON object')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw faulty('not a JSON object')
  const beat = value as Record<string, unknown>
  const metadata = scalarsOf(beat['metadata'] ?? {})
  if (!metadata) throw faulty('metadata is not a flat object')
  const number = (name: string, fallback: number) => {
    const read = Number(beat[name] ?? fallback)
    if (!Number.isFinite(read)) throw faulty(`${name} is not a number`)
    return read
  }
  return {
    ip: String(beat['ip'] ?? ''),
    port: number('port', 0),
    cluster: String(beat['cluster'] ?? '').trim() || (filled(params, 'clusterName') ?? DEFAULT_CLUSTER),
    weight: number('weight', 1),
    metadata,
  }
}
