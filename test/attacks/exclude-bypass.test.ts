import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { duration, sample } from '../support/scale.js'
import { frameworks } from '../support/frameworks.js'
import { startExcludeApp, TOKEN, type ExcludeApp } from './exclude-app.js'
import { canonical, encode, EXCLUDED, generated, mayBeOpen, TRICKS } from './exclude-targets.js'

const variants = [
  ...frameworks.map((framework) => ({ name: framework.name, create: () => framework.create() })),
  // Fastify's most forgiving router; the options moved between the majors.
  ...frameworks
    .filter(({ kind }) => kind === 'fastify')
    .map((framework) => ({
      name: `${framework.name}, lenient`,
      create: () => {
        const lenient = {
          caseSensitive: false,
          ignoreTrailingSlash: true,
          ignoreDuplicateSlashes: true,
          useSemicolonDelimiter: true,
        }
        return framework.create(framework.name === 'fastify 5' ? { routerOptions: lenient } : lenient)
      },
    })),
]

describe.each(variants)('attack: exclude bypass, $name', ({ name, create }) => {
  let app: ExcludeApp
  beforeAll(async () => void (app = await startExcludeApp(create())))
  afterAll(() => app.close())
  const routeOf: ExcludeApp['routeOf'] = (...request) => app.routeOf(...request)

  async function inBatches<T>(list: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
    for (let at = 0; at < list.length; at += 40) await Promise.all(list.slice(at, at + 40).map(run))
  }

  it('runs no handler without a token unless the canonical path is excluded, and then the same handler', async () => {
    // A hand-made trick is tried on every variant, a generated target on one of them in the short run.
    const at = variants.findIndex((variant) => variant.name === name)
    const targets = [...TRICKS, ...sample(generated(), variants.length, at)]
    const faults: string[] = []
    let opened = 0
    await inBatches(targets, async (path) => {
      const route = await routeOf(path)
      if (route === undefined) return
      opened++
      const plain = canonical(path)
      if (!mayBeOpen(plain)) faults.push(`${path} ran ${route}, but is ${plain}`)
      const meant = await routeOf(encode(plain), TOKEN)
      if (meant !== route) faults.push(`${path} ran ${route}, but ${plain} is handled by ${meant}`)
    })
    expect(faults).toEqual([])
    expect(targets.length).toBeGreaterThan(duration(5_000, 500))
    expect(opened).toBeGreaterThan(duration(20, 10))
  })

  it('would have run them: with a token the same targets do reach guarded handlers', async () => {
    const reached = new Set<string>()
    await inBatches(TRICKS, async (path) => {
      if (reached.size > 3) return
      const route = await routeOf(path, TOKEN)
      if (route !== undefined && !mayBeOpen(canonical(path))) reached.add(route)
    })
    expect(reached.size).toBeGreaterThan(3)
  })

  it.each(EXCLUDED.map((pattern) => pattern.replace('**', 'a/b').replace('*', 'x')))(
    'opens what is excluded: %s',
    async (path) => {
      expect(await routeOf(path)).toBe(await routeOf(path, TOKEN))
      expect(await routeOf(path)).toBeDefined()
    },
  )

  it('is not fooled by the method', async () => {
    expect(await routeOf('/admin', '', 'HEAD')).toBeUndefined()
    expect(await routeOf('/admin', TOKEN, 'HEAD')).toBeDefined()
    for (const header of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
      for (const method of ['OPTIONS', 'POST', 'GET', 'HEAD']) {
        expect(await routeOf('/admin', `${header}: OPTIONS\r\n`, method), `${method} ${header}`).toBeUndefined()
        expect(await routeOf('/admin', `${header}: GET\r\n`, method), `${method} ${header}`).toBeUndefined()
      }
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY', 'get', 'options']) {
      expect(await routeOf('/admin', '', method), method).toBeUndefined()
    }
    expect(await routeOf('/admin?_method=GET', '', 'OPTIONS')).toBeUndefined()
  })

  it('is not fooled by headers that speak of another path or host', async () => {
    for (const header of [
      'X-Original-URL: /public',
      'X-Rewrite-URL: /public',
      'X-Forwarded-Prefix: /public',
      'X-Forwarded-Path: /public',
      'Referer: /public',
      'Host: public',
      'Upgrade: h2c',
    ]) {
      expect(await routeOf('/admin', `${header}\r\n`), header).toBeUndefined()
    }
  })
})
