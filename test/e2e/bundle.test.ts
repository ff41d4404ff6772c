import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { answering, testRegistry } from '../support/member.js'
import { tempFolder } from '../support/temp-folder.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
afterEach(killChildren)

test.each(['esm', 'cjs'] as const)('a bundle of a script that only calls still works: %s', async (format) => {
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
