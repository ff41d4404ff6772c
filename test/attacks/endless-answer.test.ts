import { type ClientOptions, FeignError } from 'nacos-sidecar'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { killChildren, startChild, type Child } from '../support/child.js'
import { typedCall } from '../support/call-styles.js'
import { instance, startMesh } from '../support/mesh.js'

const PARALLEL = 8
const MEGABYTE = 1024 * 1024

let hostile: Child
let port: number

beforeAll(async () => {
  hostile = startChild(new URL('../fixtures/apps/hostile-provider.ts', import.meta.url))
  ;({ port } = await hostile.message<{ port: number }>('listening', 60_000))
}, 90_000)
afterAll(killChildren)

/** Calls the path several times at once; what the errors were, and how far memory rose meanwhile. */
async function attack(path: string, options: ClientOptions = {}): Promise<{ errors: FeignError[]; roseBy: number }> {
  const mesh = startMesh()
  mesh.registry.set('hostile', instance('hostile', port))
  const call = typedCall('hostile', { retry: 0, ...options })
  const size = () => {
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = size()
  let peak = before
  const sampling = setInterval(() => (peak = Math.max(peak, size())), 2)
  const calls = Array.from({ length: PARALLEL }, () => call('GET', path).catch((error: unknown) => error))
  const errors = (await Promise.all(calls)) as FeignError[]
  clearInterval(sampling)
  return { errors, roseBy: peak - before }
}

const hungUp = (path: string) => hostile.messages.filter(({ type, url }) => type === 'closed' && url === path).length

describe('attack: big or endless answer', () => {
  test.each([
    ['a body without an end', '/endless'],
    ['a length of 10 GB', '/huge'],
    ['256 MB of zeros in gzip', '/gzip'],
    ['256 MB of zeros in br', '/br'],
  ])('%s is cut at maxResponseBytes', async (_, path) => {
    const { errors, roseBy } = await attack(path, { maxResponseBytes: 2 * MEGABYTE })
    for (const error of errors) {
      expect(error).toBeInstanceOf(FeignError)
      expect(error.code).toBe('SIDECAR_CALL_BODY')
      expect(error.message).toContain(`larger than ${2 * MEGABYTE} bytes`)
      expect(error.body).toBeUndefined()
    }
    // Each call may hold its limit, once packed and once not, and what is on its way on the socket.
    expect(roseBy).toBeLessThan(PARALLEL * 8 * MEGABYTE)
  })

  test.each(['/endless', '/gzip'])('the default limit bounds memory too: %s', async (path) => {
    const { errors, roseBy } = await attack(path)
    for (const error of errors) expect(error.message).toContain('larger than 10485760 bytes')
    expect(roseBy).toBeLessThan(PARALLEL * 25 * MEGABYTE)
  })

  test('the connection of an answer that is refused is closed', async () => {
    await attack('/endless-closed', { maxResponseBytes: MEGABYTE })
    await expect.poll(() => hungUp('/endless-closed'), { timeout: 5_000 }).toBe(PARALLEL)
  })

  test('headers without an end', async () => {
    const { errors, roseBy } = await attack('/headers')
    for (const error of errors) expect(error).toMatchObject({ code: 'SIDECAR_CALL_FAILED' })
    expect(roseBy).toBeLessThan(PARALLEL * 4 * MEGABYTE)
  })

  test.each([
    ['attemptTimeoutMs', { attemptTimeoutMs: 300 }],
    ['timeoutMs', { timeoutMs: 300 }],
  ])('a byte now and then does not hold a call for ever: %s', async (name, options) => {
    const start = performance.now()
    const { errors } = await attack(`/drip-${name}`, options)
    for (const error of errors) expect(error).toMatchObject({ code: 'SIDECAR_CALL_TIMEOUT' })
    expect(performance.now() - start).toBeLessThan(3_000)
    await expect.poll(() => hungUp(`/drip-${name}`), { timeout: 5_000 }).toBe(PARALLEL)
  })
})
