import type { IncomingMessage } from 'node:http'
import { afterAll, expect } from 'vitest'
import { findAdapter } from '../../src/adapters/find-adapter.js'
import { createHealth } from '../../src/adapters/health.js'
import { createGuard } from '../../src/auth/guard.js'
import { canonical, encode, EXCLUDED, mayBeOpen, randomTargets, ROUTES } from '../attacks/exclude-targets.js'
import { frameworks, target, type Framework, type Running } from '../unit/adapters/apps.js'
import { authSettings, recordingLogger } from '../unit/auth/auth-service.js'
import { fuzz } from './fuzz.js'

const open: Running[] = []
afterAll(() => Promise.all(open.map((running) => running.close())))

/** A guarded app; the route that handled the request of an `X-Case`. */
async function start(framework: Framework) {
  const ran = new Map<string, string>()
  const made = framework.create()
  const note = (route: string) => (request: IncomingMessage) => {
    ran.set(String(request.headers['x-case']), route)
    return route
  }
  const guard = createGuard({
    settings: authSettings({ excludePaths: EXCLUDED }),
    verify: (token) => (token === 'good' ? true : 401),
    logger: recordingLogger(),
  })
  findAdapter(made.app).mount(made.app, {
    guard: (request, url) => guard.check(request, url),
    health: createHealth(() => ({ phase: 'serving', registered: true })),
    context: () => undefined,
  })
  for (const route of ROUTES) made.route('GET', route, note(route))
  made.fallback(note('fallback'))
  const running = await made.listen()
  running.server.unref()
  open.push(running)
  let cases = 0
  return async (path: string, headers = '') => {
    const id = String(++cases)
    await target(running.port, path, { headers: `X-Case: ${id}\r\n${headers}` })
    const route = ran.get(id)
    ran.delete(id)
    return route
  }
}

for (const framework of frameworks) {
  let routeOf: ReturnType<typeof start> | undefined

  fuzz(`no path opens a guarded route of ${framework.name}`, randomTargets, async (path) => {
    const ask = await (routeOf ??= start(framework))
    const route = await ask(path)
    if (route === undefined) return
    const plain = canonical(path)
    expect(mayBeOpen(plain), `${path} ran ${route}, but is ${plain}`).toBe(true)
    expect(await ask(encode(plain), 'Authorization: Bearer good\r\n'), path).toBe(route)
  })
}
