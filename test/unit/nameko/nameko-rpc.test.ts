import { expect, test } from 'vitest'
import { currentNamekoCall, namekoRpc, type NamekoOptions } from 'nacos-sidecar/nameko'
import { openBus } from '../../support/event-bus.js'

const MEMORY = { url: 'memory:nameko' }
const open = (settings: object = {}) => openBus('orders', MEMORY, { 'sidecar.events.url': MEMORY.url, ...settings })
const invalid = (why: string) =>
  expect.objectContaining({ code: 'SIDECAR_NAMEKO_INVALID', message: expect.stringContaining(why) as string })

test('wrong options are refused, with the reason', () => {
  const { sidecar } = open()
  const wrong: [object, string][] = [
    [{ timeout: 'soon' }, 'timeout'],
    [{ timeout: 0 }, 'timeout'],
    [{ service: '' }, 'service'],
    [{ service: 'a*' }, 'service'],
    [{ exchange: 'x'.repeat(300) }, 'exchange'],
    [{ maxBytes: 0 }, 'maxBytes: expected a number of bytes above 0'],
    [{ maxBytes: '1MB' }, 'maxBytes'],
  ]
  for (const [options, why] of wrong) expect(() => namekoRpc(sidecar, options as NamekoOptions)).toThrow(invalid(why))
  expect(() => namekoRpc({} as never)).toThrow(invalid('expected what initSidecar or createSidecar gave'))
})

test('wrong calls and handlers are refused', async () => {
  const nameko = namekoRpc(open().sidecar)
  const calls: [Promise<unknown>, string][] = [
    [nameko.call('', 'hello'), 'a service is text'],
    [nameko.call('greeting', 'a.b'), 'has a dot'],
    [nameko.call('greeting', 'hello', { args: {} as never }), 'args are a list'],
    [nameko.call('greeting', 'hello', { kwargs: [] as never }), 'kwargs are an object'],
    [nameko.call('greeting', 'hello', { context: 1 as never }), 'context is an object'],
    [nameko.call('greeting', 'hello', { timeout: -1 }), 'timeout'],
  ]
  for (const [call, why] of calls) await expect(call).rejects.toThrow(invalid(why))
  expect(() => nameko.service('')).toThrow(invalid('a service is text'))
  expect(() => nameko.serve({ hello: 1 } as never)).toThrow(invalid('expected a function as "hello"'))
  expect(() => nameko.serve({ 'a.b': () => {} })).toThrow(invalid('has a dot'))
  expect(() => nameko.serve({}, { concurrency: 0 })).toThrow(invalid('concurrency'))
  nameko.serve({ hello: () => {} })
  expect(() => nameko.serve({ hello: () => {} })).toThrow(invalid('another handler of "hello"'))
})

test('a service can be awaited, and one sidecar has one object', async () => {
  const { sidecar } = open()
  const nameko = namekoRpc(sidecar)
  expect(namekoRpc(sidecar, {})).toBe(nameko)
  expect(namekoRpc(sidecar, { service: 'other' })).not.toBe(nameko)
  const greeting = nameko.service<{ hello(name: string): string }>('greeting')
  expect(await greeting).toBe(greeting)
  expect(greeting.hello).toBe(greeting.hello)
  expect(currentNamekoCall()).toBeUndefined()
})

test('over the memory broker there are no calls, and the service starts all the same', async () => {
  const { sidecar, lines } = open()
  const nameko = namekoRpc(sidecar)
  const { ready } = nameko.serve({ hello: () => {} })
  await sidecar.ready
  await expect(ready).rejects.toThrow(invalid('calls of Nameko go over RabbitMQ, not over memory:nameko'))
  await expect(nameko.call('greeting', 'hello')).rejects.toThrow(invalid('over RabbitMQ'))
  expect(lines.filter((line) => line.startsWith('error'))).toEqual([
    expect.stringContaining('no call of Nameko services is answered'),
  ])
})

test('after the stop it says so', async () => {
  const { sidecar } = open()
  const nameko = namekoRpc(sidecar)
  await sidecar.stop({ drain: false })
  await expect(nameko.call('greeting', 'hello')).rejects.toThrow(expect.objectContaining({ code: 'SIDECAR_STOPPED' }))
  expect(() => nameko.serve({})).toThrow(expect.objectContaining({ code: 'SIDECAR_STOPPED' }))
  expect(() => namekoRpc(sidecar, { service: 'late' })).toThrow(expect.objectContaining({ code: 'SIDECAR_STOPPED' }))
})
