import { messageOf, SidecarError } from '../errors.js'
import { FeignError } from './errors.js'

/** For arguments that fit no request. @throws SidecarError `SIDECAR_CALL_INVALID` */
export function throwInvalidCall(why: string): never {
  throw new SidecarError('SIDECAR_CALL_INVALID', `${why}; nothing was sent`)
}

/** What was thrown while arguments were read: a refusal, or a getter, a proxy or an iterator of the caller's that failed. */
export function asInvalidCall(thrown: unknown): SidecarError {
  if (thrown instanceof SidecarError) return thrown
  const why = `an argument cannot be read: ${messageOf(thrown)}; nothing was sent`
  return new SidecarError('SIDECAR_CALL_INVALID', why, { cause: thrown })
}

interface MisusedMethod {
  readonly service: string
  readonly verb: string
  readonly property: string
  readonly template: { readonly source: string }
}

/** The error of a call that was refused before anything was sent, with the method it was for. */
export function misused(method: MisusedMethod, thrown: unknown): unknown {
  const error = asInvalidCall(thrown)
  const url = method.template.source
  const facts = { service: method.service, method: method.verb, url, attempts: 0 }
  const where = `${method.verb} of ${method.service} ${url} (${method.property})`
  return new FeignError(
    error.code,
    `${where}: ${error.message}`,
    facts,
    error.cause === undefined ? undefined : { cause: error.cause },
  )
}
