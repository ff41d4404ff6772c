import type { Params } from './body.js'
import type { ServiceId } from './service.js'
import { DEFAULT_GROUP, filled, namespaceOf } from './naming-params.js'
import { Refusal, result } from './reply.js'

/** A parameter that must be there, refused in v3's words. */
export function required(params: Params, name: string, type: 'String' | 'Integer' = 'String'): string {
  const value = filled(params, name)
  if (value !== undefined) return value
  throw new Refusal(
    result(`Required parameter '${name}' type ${type} is not present`, 10_000, 'parameter missing', 400),
  )
}

/** v3 knows a service by its group and its name apart: `group@@name` is not taken apart. */
export function serviceOf(params: Params): ServiceId {
  const name = required(params, 'serviceName')
  return { namespace: namespaceOf(params), group: filled(params, 'groupName') ?? DEFAULT_GROUP, name }
}

/** v3 writes the public namespace `public`, the store ''. */
export function tenantOf(params: Params): string {
  const namespace = namespaceOf(params)
  return namespace === 'public' ? '' : namespace
}
