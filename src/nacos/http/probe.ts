import type { Dialect, Operation } from './dialects/dialect.js'
import { v1 } from './dialects/v1.js'
import { open, RESOURCE_NOT_FOUND, v3 } from './dialects/v3.js'
import { RequestFailure } from './failure.js'
import type { WireResponse } from './wire.js'

/**
 * Determines the API of one node. 404 means that it has no v3. A refusal, an error or a page proves nothing: a
 * server before 1.2 and many a gateway refuse every path that they do not know, so v1 is asked of the same node.
 *
 * @param route the second one is for users who may read configs only
 */
export function probe(route: 'naming' | 'config', namespace: string): Operation<Dialect> {
  const group = 'DEFAULT_GROUP'
  const name = 'nacos-sidecar'
  const question = (dialect: Dialect): Operation<unknown> =>
    route === 'naming'
      ? dialect.list({ namespace, group, service: name })
      : dialect.getConfig({ namespace, group, dataId: name })
  const asked = (dialect: Dialect) => {
    const { request, resource } = question(dialect)
    return { request, resource }
  }
  const what = 'asking which API the registry speaks'

  function decode(response: WireResponse): Dialect {
    const envelope = open(response)
    if (envelope?.code === RESOURCE_NOT_FOUND) return v3
    if (isAbsent(response)) return v1
    question(v3).decode(response)
    return v3
  }

  return {
    what,
    ...asked(v3),
    instead(response) {
      const unclear = failureOf(() => decode(response))
      return unclear && { what, ...asked(v1), decode: (second) => decodeSecond(second, unclear) }
    },
    decode,
  }

  function decodeSecond(response: WireResponse, first: RequestFailure): Dialect {
    const second = failureOf(() => question(v1).decode(response))
    if (!second) return v1
    // It has no v1 either: the answer of v3 is all there is.
    if (second.kind === 'no-route') throw first
    const alike = second.kind === 'denied' ? ', to v3 and v1 alike' : ''
    const both = first.detail === second.detail ? `${second.detail}${alike}` : `${second.detail} (v3: ${first.detail})`
    throw Object.assign(new RequestFailure(second.kind, both, second.code), {
      advice: second.advice,
      retryAfterMs: second.retryAfterMs,
    })
  }
}

const isAbsent = ({ status }: WireResponse): boolean => status === 404 || status === 410

function failureOf(decode: () => unknown): RequestFailure | undefined {
  try {
    decode()
    return undefined
  } catch (error) {
    return error instanceof RequestFailure ? error : new RequestFailure('malformed', 'the answer cannot be read')
  }
}
