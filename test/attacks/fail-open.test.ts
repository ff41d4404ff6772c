import type { IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findAdapter } from '../../src/adapters/find-adapter.js'
import { createHealth } from '../../src/adapters/health.js'
import { createGuard } from '../../src/auth/guard.js'
import { frameworks, type Running } from '../support/frameworks.js'
import { authSettings, say, startAuthService, type AuthService } from '../support/auth-service.js'
import { collectLog } from '../support/collect.js'

const health = createHealth(() => ({ phase: 'serving', registered: true }))

/** Every way of an auth service to decide nothing. */
const OUTAGES: Record<string, AuthService['answer']> = {
  'a reset': (_request, response) => void response.destroy(),
  'no answer': () => {},
  'an answer without an end': (_request, response) => void response.write('{"data":'),
  '500 with a permission in it': say({ data: true }, 500),
  '503': say('', 503),
  '404': say({ code: 200 }, 404),
  'a redirect to a page that permits': (_request, response) =>
    void response.writeHead(302, { location: 'data:application/json,{"data":true}' }).end(),
  'a login page': say('<html>200 true</html>'),
  'an empty page': say(''),
  'the word true': say('true'),
  'JSON cut short': (_request, response) => void response.writeHead(200, { 'content-length': 50 }).end('{"data":true'),
  'another service': say({ status: 'UP' }),
  'a failure inside a 200': say({ code: 500, data: null }),
}

let service: AuthService
let running: Running
let ran: string[]

beforeEach(async () => {
  service = await startAuthService()
  ran = []
})
afterEach(async () => {
  await running.close()
  await service.close()
})

async function start(auth: object, framework = frameworks[0]!) {
  const guard = createGuard({
    settings: authSettings({ timeout: 1_000, ...auth }),
    call: service.call,
    logger: collectLog(),
  })
  const app = framework.create()
  findAdapter(app.app).mount(app.app, {
    guard: (request: IncomingMessage, url?: string) => guard.check(request, url),
    page: ({ method = 'GET' }, _response, target) => health(method, target),
    context: () => undefined,
  })
  app.route('GET', '/:name', (request) => ran.push(request.url!))
  running = await app.listen()
}

const get = async (path: string, headers: Record<string, string> = { authorization: 'Bearer t' }) =>
  (await fetch(running.url + path, { headers })).status

describe.each(frameworks)('attack: fail-open, $name', (framework) => {
  it('closed by default: a verifier that is down is 503 and no handler runs', async () => {
    await start({}, framework)
    service.answer = OUTAGES['503']!
    expect(await get('/a')).toBe(503)
    await service.close()
    expect(await get('/a')).toBe(503)
    expect(await get('/a', {})).toBe(401)
    expect(ran).toEqual([])
  })

  it('opened: an unjudged token passes, a missing, malformed or refused one never does', async () => {
    await start({ failOpen: true }, framework)
    service.answer = say({ data: false })
    expect(await get('/refused')).toBe(403)
    service.answer = say('', 401)
    expect(await get('/invalid')).toBe(401)
    await service.close()
    expect(await get('/unjudged')).toBe(200)
    expect(ran.splice(0)).toEqual(['/unjudged'])
    expect(await get('/unjudged', {})).toBe(401)
    expect(await get('/unjudged', { authorization: 'Bearer a b' })).toBe(401)
    expect(await get('/unjudged', { authorization: 'Bearer ' })).toBe(401)
    expect(await get('/unjudged', { authorization: 'Basic dTpw' })).toBe(401)
    expect(await get('/refused')).toBe(403)
    expect(await get('/invalid')).toBe(401)
    expect(ran).toEqual([])
  })
})

describe('attack: fail-open, every outage', () => {
  it.each(Object.keys(OUTAGES))('%s is 503, and only for a token unjudged it opens', async (outage) => {
    await start({})
    service.answer = OUTAGES[outage]!
    expect(await get('/a')).toBe(503)
    expect(ran).toEqual([])
    await running.close()
    await start({ failOpen: true })
    expect(await get('/a')).toBe(200)
    expect(await get('/a', {})).toBe(401)
  })
})

it('attack: fail-open, a refusal outlives its time in the cache for as long as the verifier is down', async () => {
  for (const cacheTtl of [0, 1]) {
    await start({ failOpen: true, cacheTtl })
    service.answer = say({ data: false })
    expect(await get('/a')).toBe(403)
    service.answer = OUTAGES['503']!
    // Past the millisecond the refusal is good for.
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await get('/a')).toBe(403)
    service.answer = say({ data: true })
    expect(await get('/a')).toBe(200)
    await running.close()
  }
})
