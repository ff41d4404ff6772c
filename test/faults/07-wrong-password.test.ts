import { inspect } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { anInstance, openTransport } from '../support/transport.js'
import { duration } from '../support/scale.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const PASSWORD = 'wrong-canary-51c2'
const forbidden = { status: 403, body: { status: 403, error: 'Forbidden', message: 'user not found!' } }

test.each([
  ['Nacos 2', { status: 403, body: `user not found! (${PASSWORD})` }],
  ['Nacos 3', { status: 500, body: { status: 500, message: `Handle API Compatibility failed ${PASSWORD}` } }],
  ['r-nacos', { status: 403, body: 'unknown user!' }],
])('fault 07: a wrong password on %s: back-off, one clear error, no password in it', async (_server, refusal) => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('/nacos/', forbidden)
  server.on('/auth/login', refusal)
  const transport = openTransport([server], { username: 'nacos', password: PASSWORD })

  // A registrar that tries again and again.
  const errors: unknown[] = []
  for (const until = performance.now() + duration(20_000, 2_000); performance.now() < until;) {
    errors.push(await transport.register(anInstance()).catch((error: unknown) => error))
    await new Promise((resolve) => setTimeout(resolve, 50))
  }

  for (const error of errors) {
    expect(error).toMatchObject({
      name: 'SidecarError',
      code: 'SIDECAR_REGISTRY_LOGIN',
      message: expect.stringMatching(
        /^Registering 10\.0\.0\.7:9001 of DEFAULT_GROUP@@orders failed: 127\.0\.0\.1:\d+: the login was refused: .*Check cloud\.nacos\.username and cloud\.nacos\.password\.$/,
      ),
    })
    expect(inspect(error, { depth: 10 })).not.toContain(PASSWORD)
  }
  // 1 s, 2 s, 4 s … (jittered by half), not one for every attempt.
  const logins = server.seen('/auth/login').length
  expect(logins).toBeGreaterThan(1)
  expect(logins).toBeLessThanOrEqual(duration(6, 4))
  // A refusal of the v3 API says nothing about v1, so the first look at a server is two requests; a login that failed
  // for another reason than the password is tried at the other path.
  const others = server.requests.length - server.seen('/auth/').length
  expect(others).toBeLessThanOrEqual(logins + 1)
  expect(server.seen('/auth/user/login').length).toBeLessThanOrEqual(logins)
  expect(errors.length).toBeGreaterThan(logins)

  expect(transport.lines.filter((line) => line.startsWith('error'))).toHaveLength(1)
  expect(transport.lines.join('\n')).not.toContain(PASSWORD)
})
