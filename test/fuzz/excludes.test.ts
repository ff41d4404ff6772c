import { afterAll, expect } from 'vitest'
import { startExcludeApp, TOKEN, type ExcludeApp } from '../attacks/exclude-app.js'
import { canonical, encode, mayBeOpen, randomTargets } from '../attacks/exclude-targets.js'
import { frameworks } from '../support/frameworks.js'
import { fuzz } from './fuzz.js'

const open: ExcludeApp[] = []
afterAll(() => Promise.all(open.map((app) => app.close())))

for (const framework of frameworks) {
  let starting: Promise<ExcludeApp> | undefined
  const start = async () => {
    const app = await startExcludeApp(framework.create())
    open.push(app)
    return app
  }

  fuzz(`no path opens a guarded route of ${framework.name}`, randomTargets, async (path) => {
    const { routeOf } = await (starting ??= start())
    const route = await routeOf(path)
    if (route === undefined) return
    const plain = canonical(path)
    expect(mayBeOpen(plain), `${path} ran ${route}, but is ${plain}`).toBe(true)
    expect(await routeOf(encode(plain), TOKEN), path).toBe(route)
  })
}
