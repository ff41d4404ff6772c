import { FeignError } from './errors.js'
import type { CompiledMethod } from './method-spec.js'
import { asInvalidCall } from './invalid-call.js'

/** The error of a call that was refused before anything was sent, with the method it was for. */
export function misused(method: CompiledMethod, thrown: unknown): unknown {
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
