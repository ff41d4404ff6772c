import type { Params } from './body.js'
import { beatTimesOf } from './instance.js'
import type { BeatTimes, Published } from './instance.js'
import type { Naming } from './naming.js'
import { DEFAULT_CLUSTER, filled, parseInteger, scalarsOf } from './naming-params.js'
import { Refusal, caused, json } from './reply.js'
import type { Routes } from './router.js'
import { instanceIdOf, register, serviceOf } from './v1-params.js'

/** /nacos/v1/ns/instance/beat: a full heartbeat creates what is unknown, a light one asks for it (20404). */
export function v1Beat(naming: Naming, defaults: BeatTimes): Routes {
  return {
    'PUT /v1/ns/instance/beat': (call) => {
      const id = serviceOf(call)
      const beat = beatOf(call.params)
      const ip = beat?.ip ?? filled(call.params, 'ip')
      const port = beat?.port ?? parseInteger(call.params.get('port') ?? '') ?? 0
      let times = ip === undefined ? undefined : naming.beat(id, ip, port)
      if (!times && beat) {
        register(naming, id, { ...beat, enabled: true, ephemeral: true, instanceId: instanceIdOf(id, beat) })
        times = beatTimesOf(beat.metadata, defaults)
      }
      return json({
        clientBeatInterval: (times ?? defaults).intervalMs,
        code: times ? 10_200 : 20_404,
        lightBeatEnabled: true,
      })
    },
  }
}

/** The `beat` parameter of a full heartbeat; `undefined` for a light one. */
function beatOf(params: Params): Omit<Published, 'enabled' | 'ephemeral' | 'instanceId'> | undefined {
  const raw = filled(params, 'beat')
  if (!raw) return undefined
  const faulty = (why: string) => {
    const what = `Nacos deserialize for class [com.alibaba.nacos.naming.healthcheck.RsInfo] failed, cause error[${why}].`
    return new Refusal(caused(500, `errCode: 101, errMsg: ${what}  ;caused: ${why}`))
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
    cluster: String(beat['cluster'] || DEFAULT_CLUSTER),
    weight: number('weight', 1),
    metadata,
  }
}
