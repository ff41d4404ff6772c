import type { Params } from './body.js'
import { instanceParams } from './instance-params.js'
import { DEFAULT_GROUP, WEIGHT_FAULT, filled, namespaceOf, parseInteger } from './naming-params.js'
import { isBlank } from './param-check.js'
import { Refusal, errorPage, result } from './reply.js'
import type { ServiceId } from './service.js'

/** A parameter that must be there, refused in v3's words. */
export function required(params: Params, name: string, type: 'String' | 'Integer' = 'String'): string {
  const value = params.get(name)
  if (value !== undefined && !isBlank(value)) return value
  throw new Refusal(
    result(`Required parameter '${name}' type ${type} is not present`, 10_000, 'parameter missing', 400),
  )
}

/** v3 knows a service by its group and its name apart: `group@@name` is not taken apart. */
export function serviceOf(params: Params): ServiceId {
  const name = required(params, 'serviceName')
  return { namespace: namespaceOf(params), group: filled(params, 'groupName') ?? DEFAULT_GROUP, name }
}

export function addressOf(params: Params): { ip: string; port: number } {
  const ip = required(params, 'ip')
  return { ip, port: parseInteger(required(params, 'port', 'Integer')) ?? 0 }
}

const weightRefusal = (fault: string) => new Refusal(result(fault, 21_001, 'weight error', 400))

export const { weightOf, metadataOf, instanceOf, register } = instanceParams({
  noNumber: () => weightRefusal(WEIGHT_FAULT),
  weight: weightRefusal,
  metadata: (fault, path) => new Refusal(errorPage(500, `ErrCode:400, ErrMsg:${fault}`, path)),
  instance: (fault) => new Refusal(result(fault, 21_004, 'instance error', 400)),
})
