import type { IncomingMessage } from 'node:http'
import { findAdapter } from '../../src/adapters/find-adapter.js'
import { createHealth } from '../../src/adapters/health.js'
import { createGuard } from '../../src/auth/guard.js'
import { target, type TestApp } from '../support/frameworks.js'
import { authSettings } from '../support/auth-service.js'
import { EXCLUDED, ROUTES } from './exclude-targets.js'
import { collectLog } from '../support/collect.js'

const health = createHealth(() => ({ phase: 'serving', registered: true }))

export const TOKEN = 'Authorization: Bearer good\r\n'

export interface ExcludeApp {
  /** Which route handled the target, if any. `headers` are raw lines. */
  routeOf(path: string, headers?: string, method?: string): Promise<string | undefined>
  close(): Promise<void>
}

/** An app with the routes and exclusions of `exclude-targets.ts`, guarded from the middle of its routes on. */
export async function startExcludeApp(made: TestApp): Promise<ExcludeApp> {
  const ran = new Map<string, string>()
  const note = (route: string) => (request: IncomingMessage) => {
    ran.set(String(request.headers['x-case']), route)
    return route
  }
  for (const [index, route] of ROUTES.entries()) {
    if (index === ROUTES.length / 2) mountGuard(made)
    made.route('GET', route, note(route))
  }
  made.fallback(note('fallback'))
  const running = await made.listen()
  let cases = 0
  return {
    async routeOf(path, headers = '', method = 'GET') {
      const id = String(++cases)
      await target(running.port, path, { method, headers: `X-Case: ${id}\r\n${headers}` })
      const route = ran.get(id)
      ran.delete(id)
      return route
    },
    close: () => running.close(),
  }
}

function mountGuard({ app }: TestApp): void {
  const guard = createGuard({
    settings: authSettings({ excludePaths: EXCLUDED }),
    verify: (token) => (token === 'good' ? true : 401),
    logger: collectLog(),
  })
  findAdapter(app).mount(app, {
    guard: (request, url) => guard.check(request, url),
    page: ({ method = 'GET' }, _response, target) => health(method, target),
    context: () => undefined,
  })
}
