import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { answering } from '../support/member.js'
import { tempFolder } from '../support/temp-folder.js'
import { testRegistry } from '../support/registry.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
afterEach(killChildren)

test.each(['esm', 'cjs'] as const)('K39: a bundle of a script that only calls still works: %s', async (format) => {
  const registry = await testRegistry()
  await registry.stub('user-service', answering({ who: 'Ada' }))
  const folder = tempFolder({ 'bootstrap.yml': `cloud.nacos.server-addr: ${registry.address}` })
  const outfile = `${folder}/script.${format === 'esm' ? 'mjs' : 'cjs'}`
  await build({
    stdin: {
      contents: `import { defineClient, GET } from 'nacos-sidecar'
        defineClient('user-service', { me: GET('/me') }).me().then((me) => console.log(JSON.stringify({ type: 'me', me })))`,
      resolveDir: ROOT,
    },
    bundle: true,
    format,
    platform: 'node',
    outfile,
    logLevel: 'silent',
    // The built package, not the sources that the project's own tsconfig points to.
    tsconfigRaw: '{}',
    // CommonJS dependencies in an ES module.
    ...(format === 'esm' && {
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    }),
  })
  const child = startChild(outfile, { cwd: folder })
  expect(await child.exited, child.stderr).toEqual({ code: 0, signal: null })
  expect(child.messages).toEqual([{ type: 'me', me: { who: 'Ada' } }])
})

test('K39: in a bundle, what is no request of sidecar.axios is there after the first one, and says so before', async () => {
  const registry = await testRegistry()
  await registry.stub('user-service', answering({ who: 'Ada' }))
  const folder = tempFolder({ 'bootstrap.yml': `cloud.nacos.server-addr: ${registry.address}` })
  const outfile = `${folder}/script.cjs`
  await build({
    stdin: {
      contents: `import { createSidecar } from 'nacos-sidecar'
        const { axios, ready } = createSidecar({ settings: { application: { name: 'caller' } } })
        let before
        try { axios.defaults } catch ({ code }) { before = code }
        ready.then(() => axios.get('http://user-service/me')).then(({ data }) =>
          console.log(JSON.stringify({ type: 'me', before, data, after: typeof axios.defaults })))`,
      resolveDir: ROOT,
    },
    ...{ bundle: true, format: 'cjs', platform: 'node', outfile, logLevel: 'silent', tsconfigRaw: '{}' },
  })
  const child = startChild(outfile, { cwd: folder })
  const me = { before: 'SIDECAR_CALL_INVALID', data: { who: 'Ada' }, after: 'object' }
  expect(await child.message('me')).toEqual({ type: 'me', ...me })
})

test('K27: in a minified bundle the app’s own server is registered, not the other Koa app’s', async () => {
  const registry = await testRegistry()
  const folder = tempFolder({
    'bootstrap.yml': `application.name: orders\ncloud.nacos: { server-addr: '${registry.address}', discovery.ip: 127.0.0.1 }`,
  })
  const outfile = `${folder}/app.mjs`
  await build({
    stdin: {
      contents: `import Koa from 'koa'
        import { createServer } from 'node:http'
        import { initSidecar } from 'nacos-sidecar'
        const [app, admin] = [new Koa(), new Koa()]
        const callback = app.callback()
        const ready = initSidecar(app)
        admin.listen(0, () => createServer(callback).listen(0, async function () {
          const sidecar = await ready
          const say = () => console.log(JSON.stringify({ type: 'at', own: this.address().port, at: sidecar.status().instance.port }))
          if (sidecar.status().registered) say()
          else sidecar.on('registered', say)
        }))`,
      resolveDir: ROOT,
    },
    ...{ bundle: true, minify: true, format: 'esm', platform: 'node', outfile, logLevel: 'silent', tsconfigRaw: '{}' },
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  const child = startChild(outfile, { cwd: folder, env: { SIDECAR_SNAPSHOT_DIR: 'off' } })
  const { own, at } = await child.message<{ own: number; at: number }>('at')
  expect(at).toBe(own)
})
