import type { Params } from './body.js'
import type { BeatTimes, Published } from './instance.js'
import { instanceParams } from './instance-params.js'
import { filled, parseFlag, parseInteger, serviceIdOf, serviceNameFault } from './naming-params.js'
import { Refusal, errorPage, text } from './reply.js'
import type { Call } from './router.js'
import { fullName } from './service.js'
import type { ServiceId } from './service.js'

/** The service a v1 request names; refused in v1's words where it names none. */
export function serviceOf(call: Call): ServiceId {
  const serviceName = filled(call.params, 'serviceName')
  if (!serviceName) throw new Refusal(text("Param 'serviceName' is required.", 400))
  const fault = serviceNameFault(serviceName)
  if (fault) throw new Refusal(errorPage(400, `Service name filter error,caused: ${fault};`, call.path))
  return serviceIdOf(call.params, serviceName)
}

export const refused = (fault: string) => new Refusal(text(fault, 400))
export const noNumber = (raw: string) => refused(`For input string: "${raw}"`)
/** What a filter throws ends on Spring's error page. */
export const filterFailed = (why: string, cause: string, path: string) =>
  new Refusal(errorPage(500, `Server failed, caused: ${why};caused: ${cause};`, path))
const metadata = (fault: string, path: string) => filterFailed(`ErrCode:400, ErrMsg:${fault}`, fault, path)
const read = instanceParams({ noNumber, weight: refused, metadata, instance: refused })
export const { metadataOf, register } = read

export function addressOf(params: Params): { ip: string; port: number } {
  const ip = filled(params, 'ip')
  if (!ip) throw refused("Param 'ip' is required.")
  const raw = filled(params, 'port')
  if (!raw) throw refused("Param 'port' is required.")
  const port = parseInteger(raw)
  if (port === undefined) throw noNumber(raw)
  return { ip, port }
}

export function instanceOf(call: Call, id: ServiceId, defaults: BeatTimes): Published {
  const { params } = call
  const instance = read.instanceOf(call, addressOf(params), defaults)
  // `enable` is how the npm SDK spells it; Nacos takes both.
  const enabled = parseFlag(filled(params, 'enabled') ?? params.get('enable'), true)
  return { ...instance, enabled, instanceId: instanceIdOf(id, instance) }
}

export function instanceIdOf(
  id: ServiceId,
  { ip, port, cluster }: { ip: string; port: number; cluster: string },
): string {
  return `${ip}#${port}#${cluster}#${fullName(id)}`
}

/** A parameter that Spring itself wants to be there, empty or not. */
export function requestParam({ params, path }: Call, name: string): string {
  const value = params.get(name)
  if (value !== undefined) return value
  throw new Refusal(errorPage(400, `Required parameter '${name}' is not present.`, path))
}
