import { anyCodeOf, codeOrNameOf } from '../../errors.js'
import { isObject } from '../../util/is-object.js'
import { isSecretName } from '../../util/secrets.js'
import { assertSuccess } from '../http/dialects/parse-response.js'
import { RequestFailure } from '../http/failure.js'
import type { SdkOptions } from './clients.js'

/**
 * The failure of a naming request. The SDK keeps the server's answer to itself: it warns its own logger and throws
 * `failed to req API: … after all servers(…) tried` for a refusal and for a dead server alike.
 */
export function namingFailure(error: unknown): RequestFailure {
  if (error instanceof RequestFailure) return error
  const tried = /after all servers\((.*)\) tried/.exec(wordsOf(error))?.[1]
  return new RequestFailure('status', tried ? `no success at ${tried}` : nameOf(error))
}

/**
 * The failure of a config request. Its messages are not passed on: they hold the request, with user and password.
 */
export function configFailure(error: unknown): RequestFailure {
  if (error instanceof RequestFailure) return error
  const words = wordsOf(error)
  const status = /Server Error Status: (\d{3})/.exec(words)?.[1]
  if (status) {
    const body = isObject(error) && typeof error['body'] === 'string' ? error['body'] : ''
    try {
      assertSuccess({ status: Number(status), headers: {}, body })
    } catch (failure) {
      return failure as RequestFailure
    }
  }
  // Its own check of data id and group, before anything is sent.
  if (/^\[(dataId|group)\] only allow/.test(words)) return new RequestFailure('refused', words)
  const name = nameOf(error)
  if (/ConflictError/.test(name)) return new RequestFailure('refused', 'HTTP 409, changed concurrently')
  if (/Timeout|ETIMEDOUT/.test(name)) return new RequestFailure('timeout', name)
  return new RequestFailure('connect', name, anyCodeOf(error))
}

/**
 * True for an error event that `getConfig` of this document may have caused. Where a request fails and the SDK has a
 * copy on disk, it returns the copy as if it came from the server, and reports that by such an event only.
 */
export function mayConcern(error: unknown, dataId: string, group: string): boolean {
  if (/^Snapshot/.test(nameOf(error))) return false
  const data = isObject(error) ? error['data'] : undefined
  if (isObject(data)) return data['dataId'] === dataId && data['group'] === group
  const words = wordsOf(error)
  return !words.includes('"dataId":') || words.includes(`"dataId":${JSON.stringify(dataId)}`)
}

/** Whatever the clients were given that must not be repeated. */
export function secretsOf(...options: readonly (SdkOptions | undefined)[]): string[] {
  return options.flatMap((one) =>
    Object.entries(one ?? {})
      .filter(([name, value]) => isSecretName(name) && typeof value === 'string')
      .map(([, value]) => value as string),
  )
}

function nameOf(error: unknown): string {
  return codeOrNameOf(error) ?? 'unknown error'
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
