import { transformSync } from 'esbuild'
import ts from 'typescript'
import { feign, get } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { startMesh, startProvider } from '../../support/mesh.js'

interface Echo {
  url: string
}
type Client = Record<string, (...args: unknown[]) => Promise<Echo>>
type Classes = Record<'Users' | 'Sub' | 'Own' | 'Again' | 'Deep', new () => Client>

const source = (url: string) => `
const { feign, get } = require('nacos-sidecar')
@feign({ url: '${url}' })
class Users {
  @get('/users/{id}') byId
  @get('/list') list
  @get('/method') async method() {}
}
class Sub extends Users {
  @get('/sub/{id}') byId
}
class Own extends Users {
  byId() { return Promise.resolve({ url: 'own' }) }
  both() { return this.list() }
}
@feign({ url: '${url}', path: '/v2' })
class Again extends Users {
  @get('/again/{id}') byId
}
class Deep extends Again {
  @get('/deep') list
}
Object.assign(exports, { Users, Sub, Own, Again, Deep })
`

const compilers: Record<string, (code: string) => string> = {}
for (const experimentalDecorators of [true, false]) {
  for (const useDefineForClassFields of [true, false]) {
    const mode = `${experimentalDecorators ? 'experimentalDecorators' : 'standard decorators'}, ${useDefineForClassFields ? 'fields defined' : 'fields assigned'}`
    const options = { experimentalDecorators, useDefineForClassFields }
    compilers[`TypeScript, ${mode}`] = (code) =>
      ts.transpileModule(code, {
        compilerOptions: { ...options, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
      }).outputText
    compilers[`esbuild, ${mode}`] = (code) =>
      transformSync(code, { loader: 'ts', format: 'cjs', target: 'es2022', tsconfigRaw: { compilerOptions: options } })
        .code
  }
}

async function classes(compile: (code: string) => string): Promise<Classes> {
  startMesh()
  const { origin } = await startProvider()
  const exports = {} as Classes
  new Function('require', 'exports', compile(source(origin)))(() => ({ feign, get }), exports)
  return exports
}

describe.each(Object.entries(compilers))('%s', (_, compile) => {
  test('K36: fields and methods are calls', async () => {
    const { Users } = await classes(compile)
    const users = new Users()
    expect(await users['byId']!({ id: 1 })).toMatchObject({ url: '/users/1' })
    expect(await users['method']!()).toMatchObject({ url: '/method' })
  })

  test('K10: a call or a method of a subclass wins over its parent’s', async () => {
    const { Sub, Own, Again, Deep } = await classes(compile)
    const url = async (of: new () => Client, call: string) => (await new of()[call]!({ id: 1 })).url
    expect(await url(Sub, 'byId')).toBe('/sub/1')
    expect(await url(Sub, 'list')).toBe('/list?id=1')
    expect(await url(Own, 'byId')).toBe('own')
    expect((await new Own()['both']!()).url).toBe('/list')
    expect(await url(Again, 'byId')).toBe('/v2/again/1')
    expect(await url(Again, 'list')).toBe('/v2/list?id=1')
    expect(await url(Deep, 'byId')).toBe('/v2/again/1')
    expect(await url(Deep, 'list')).toBe('/v2/deep?id=1')
  })
})

/** A field as Babel and swc make it in their legacy mode: its descriptor has an initializer instead of a value. */
function babelField(prototype: object, name: string, decorate: (...args: never[]) => unknown) {
  const descriptor: PropertyDescriptor & { initializer?: unknown } = {
    configurable: true,
    enumerable: true,
    writable: true,
  }
  descriptor.initializer = null
  decorate(...([prototype, name, descriptor] as never[]))
  return (instance: object) => {
    const { initializer } = descriptor as { initializer?: ((this: object) => unknown) | null }
    Object.defineProperty(instance, name, {
      ...descriptor,
      value: initializer ? initializer.call(instance) : undefined,
    })
  }
}

test('K36: fields of Babel’s and swc’s legacy decorators are calls', async () => {
  startMesh()
  const { origin } = await startProvider()
  class Plain {
    constructor() {
      byId(this)
    }
  }
  const byId = babelField(Plain.prototype, 'byId', get('/users/{id}') as never)
  const Users = feign({ url: origin })(Plain) as unknown as new () => Client
  class Sub extends Users {
    constructor() {
      super()
      subById(this)
    }
  }
  const subById = babelField(Sub.prototype, 'byId', get('/sub/{id}') as never)
  expect(await new Users()['byId']!({ id: 1 })).toMatchObject({ url: '/users/1' })
  expect(await new Sub()['byId']!({ id: 1 })).toMatchObject({ url: '/sub/1' })
})

test('K36: where the compiler leaves a field out, the call is on the prototype', async () => {
  startMesh()
  const { origin } = await startProvider()
  // esbuild 0.21 with useDefineForClassFields: false: the decorators run, the field never is.
  const metadata = {}
  class Users {}
  const context = (kind: string, name: string) => ({ kind, name, metadata, static: false, access: {} }) as never
  const decorateField = get('/users/{id}') as unknown as (value: undefined, context: never) => unknown
  decorateField(undefined, context('field', 'byId'))
  ;(feign({ url: origin }) as unknown as (value: unknown, context: never) => unknown)(Users, context('class', 'Users'))
  expect(await (new Users() as Client)['byId']!({ id: 1 })).toMatchObject({ url: '/users/1' })
  class Sub extends Users {}
  const own = { metadata: Object.create(metadata) as object }
  const decorateSub = get('/sub/{id}') as unknown as (value: undefined, context: never) => unknown
  decorateSub(undefined, { ...(context('field', 'byId') as object), ...own } as never)
  const symbol = (Symbol as { metadata?: symbol }).metadata ?? Symbol.for('Symbol.metadata')
  Object.defineProperty(Sub, symbol, { value: own.metadata })
  expect(await (new Sub() as Client)['byId']!({ id: 1 })).toMatchObject({ url: '/sub/1' })
})
