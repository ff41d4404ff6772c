import { createReadStream } from 'node:fs'
import { openAsBlob } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import FormStream from 'form-data'
import { FormData as UndiciFormData } from 'undici'
import { defineClient, POST, PUT } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { closedPort, instance, startMesh, startProvider } from '../../support/mesh.js'

const client = () => defineClient('user-service', { create: POST('/users'), replace: PUT('/users') })

async function serving() {
  const mesh = startMesh()
  const provider = await startProvider()
  mesh.registry.set('user-service', instance('user-service', provider.port))
  return { mesh, provider, users: client() }
}

async function sent(body: unknown) {
  const { provider, users } = await serving()
  await users.create({ body })
  return provider.seen[0]!
}

async function refused(body: unknown): Promise<Error> {
  const { provider, users } = await serving()
  const error = (await users.create({ body }).catch((reason: unknown) => reason)) as Error
  expect(error).toMatchObject({ code: 'SIDECAR_CALL_INVALID', attempts: 0 })
  expect(provider.seen).toHaveLength(0)
  return error
}

describe('what JSON would make {} of', () => {
  class Hidden {
    readonly #secret = 1
    get secret() {
      return this.#secret
    }
  }

  test.each([
    ['a Map', new Map<string, unknown>([['a', new Set([1, 2])]]), '{"a":[1,2]}'],
    ['a Set', new Set(['x']), '["x"]'],
    [
      'both, nested',
      { list: [new Map([[1, 'one']])], at: new Date(0) },
      '{"list":[{"1":"one"}],"at":"1970-01-01T00:00:00.000Z"}',
    ],
    ['boxed values', { n: new Number(5), s: new String('x') }, '{"n":5,"s":"x"}'],
    [
      'an instance with fields',
      new (class {
        a = 1
      })(),
      '{"a":1}',
    ],
    [
      'its own toJSON',
      new (class extends Error {
        toJSON() {
          return { code: 1 }
        }
      })(),
      '{"code":1}',
    ],
    ['a plain {}', {}, '{}'],
  ])('K31: %s is encoded', async (_, body, text) => {
    expect((await sent(body)).body).toBe(text)
  })

  test.each([
    ['an Error', new Error('x'), /body is an Error/],
    ['a promise', Promise.resolve(1), /body is a promise: await it/],
    ['private fields only', new Hidden(), /body is a Hidden without fields of its own/],
    ['a RegExp', /x/, /RegExp/],
    ['a WeakMap', new WeakMap(), /WeakMap/],
    ['Headers', new Headers({ a: '1' }), /Headers/],
    ['nested', { list: [{ cause: new TypeError('x') }] }, /body\.list\[0\]\.cause is an Error/],
    ['a nested form', { form: new FormData() }, /body\.form is a FormData/],
    ['a nested promise', new Map([['a', Promise.resolve()]]), /body\.a is a promise/],
    ['a Map of objects', new Map([[{}, 1]]), /a Map with a key/],
    ['an invalid date', { at: new Date(NaN) }, /body\.at is an invalid date/],
    [
      'a promise after many values',
      [...Array.from({ length: 5_000 }, () => ({})), Promise.resolve()],
      /body\[5000\] is a promise/,
    ],
    ['a Map in itself', mapInItself(), /body\.self is a circular reference/],
    ['a circle', circle(), /body\.list\[0\] is a circular reference/],
    ['a value without a floor', nested(20_000), /nested deeper than 1000 levels/],
    [
      'a getter that throws',
      Object.defineProperty({}, 'a', { enumerable: true, get: fail }),
      /cannot be read: own fault/,
    ],
    ['a proxy that throws', new Proxy({}, { get: fail, ownKeys: fail }), /cannot be read: own fault/],
    ['an iterator that throws', { [Symbol.asyncIterator]: fail }, /cannot be read: own fault/],
  ])('K31: %s is refused', async (_, body, why) => {
    expect((await refused(body)).message).toMatch(why)
  })

  test('K31: a Response is passed on with its type', async () => {
    const response = new Response('<a/>', { headers: { 'content-type': 'text/xml' } })
    expect(await sent(response)).toMatchObject({ body: '<a/>', headers: { 'content-type': 'text/xml' } })
    expect((await refused(response)).message).toContain('body is locked')
  })

  test.each([
    ['the global FormData', () => new FormData()],
    ['undici’s own FormData', () => new UndiciFormData() as unknown as FormData],
    ['npm form-data', () => new FormStream() as unknown as FormData],
  ])('K31: %s is multipart', async (_, make) => {
    const form = make()
    form.append('na"me', 'Ada\n中')
    const seen = await sent(form)
    const read = await new Response(seen.body, {
      headers: { 'content-type': seen.headers['content-type']! },
    }).formData()
    expect([...read.values()].map((value) => String(value).replace('\r\n', '\n'))).toEqual(['Ada\n中'])
  })
})

describe('lengths', () => {
  test('K11: a form with a file, and a Blob, have a Content-Length', async () => {
    const form = new FormData()
    form.append('name', 'Ada')
    form.append('file', await openAsBlob(new URL(import.meta.url)), 'a.ts')
    const seen = await sent(form)
    expect(seen.headers).not.toHaveProperty('transfer-encoding')
    expect(seen.headers['content-length']).toBe(String(Buffer.byteLength(seen.body)))
    const read = await new Response(seen.body, {
      headers: { 'content-type': seen.headers['content-type']! },
    }).formData()
    expect(await (read.get('file') as File).text()).toContain('K11: a form with a file')
    expect((await sent(new Blob(['four'], { type: 'x/y' }))).headers).toMatchObject({
      'content-length': '4',
      'content-type': 'x/y',
    })
  })

  test('K11: a Blob that was sent in part is sent again whole', async () => {
    const mesh = startMesh()
    let broken = true
    const provider = await startProvider((seen, response) => {
      if (broken) response.socket!.destroy()
      else response.end(seen.body)
      broken = false
    })
    mesh.registry.set('user-service', instance('user-service', provider.port))
    await client().replace({ body: new Blob(['whole']) })
    expect(provider.seen.map(({ body }) => body)).toEqual(['whole', 'whole'])
  })
})

describe('streams', () => {
  test('K24: one that is locked, read or destroyed is refused before anything is sent', async () => {
    const locked = new Response('x').body!
    locked.getReader()
    expect((await refused(locked)).message).toContain('body is locked')
    const destroyed = Readable.from(['a']).destroy()
    expect((await refused(destroyed)).message).toContain('was destroyed')
    const read = Readable.from(['a'])
    await read.toArray()
    await refused(read)
  })

  test('K15: one goes on to the next instance where no connection was made', async () => {
    const { mesh, provider, users } = await serving()
    const refusing = [await closedPort(), await closedPort()]
    mesh.registry.set('user-service', ...[...refusing, provider.port].map((port) => instance('user-service', port)))
    for (let i = 0; i < 3; i++) await users.create({ body: i === 0 ? new Blob(['ab']) : Readable.from(['a', 'b']) })
    expect(provider.seen.map(({ body }) => body)).toEqual(['ab', 'ab', 'ab'])
  })

  test.each([
    ['no instance is there', (users: ReturnType<typeof client>, body: unknown) => users.create({ body })],
    [
      'its arguments do not fit',
      (users: ReturnType<typeof client>, body: unknown) => users.create({ body, nonsense: 1 }),
    ],
    [
      'its signal has fired',
      (users: ReturnType<typeof client>, body: unknown) => users.create({ body, signal: AbortSignal.abort() }),
    ],
  ])('K21: the file of a call that never sends it is closed: %s', async (_, call) => {
    startMesh()
    const file = createReadStream(new URL(import.meta.url))
    await expect(call(client(), file)).rejects.toThrow()
    await expect.poll(() => file.closed).toBe(true)
  })

  test('K21: the stream of a call that ends while it is sent is closed', async () => {
    const mesh = startMesh()
    const provider = await startProvider(() => {})
    mesh.registry.set('user-service', instance('user-service', provider.port))
    const body = new PassThrough()
    body.write('half')
    await expect(client().create({ body, timeoutMs: 50 })).rejects.toMatchObject({ code: 'SIDECAR_CALL_TIMEOUT' })
    expect(body.destroyed).toBe(true)
  })
})

function fail(): never {
  throw new TypeError('own fault')
}

function mapInItself(): Map<string, unknown> {
  const map = new Map<string, unknown>()
  return map.set('self', map)
}

function circle(): object {
  const list: unknown[] = []
  const whole = { list }
  list.push(whole)
  return whole
}

function nested(levels: number): object {
  let value = {}
  for (let level = 0; level < levels; level++) value = { value }
  return value
}
