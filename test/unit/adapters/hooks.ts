import { OPEN, NO_TOKEN } from '../../../src/auth/decision.js'
import type { AppHooks } from '../../../src/adapters/adapter.js'
import { createHealth, type HealthStatus } from '../../../src/adapters/health.js'
import { tokenOf } from '../../../src/auth/token.js'

/** Admits requests with any token; the rest can be replaced by test. */
export function testHooks(changes: Partial<AppHooks> & { status?: HealthStatus } = {}): AppHooks {
  const { status = { phase: 'serving', registered: true }, ...hooks } = changes
  return {
    guard: (request) => (request.headers.authorization || request.url?.startsWith('/health') ? OPEN : NO_TOKEN),
    page: ({ method = 'GET' }, _response, target) => createHealth(() => status)(method, target),
    context: (request) => {
      const token = tokenOf(request, { query: true, cookies: true })
      return token === undefined ? undefined : { token }
    },
    ...hooks,
  }
}

export const bearer = { authorization: 'Bearer t1' }
