import { cp } from 'node:fs/promises'
import { defineConfig, type Options } from 'tsup'
import { mergeChunks } from './scripts/merge-chunks.js'

/** Every public way into the package; the key is the path under dist/, and package.json `exports` mirrors it. */
const entry = {
  index: 'src/index.ts',
  'dev-server/index': 'src/dev-server/index.ts',
  express: 'src/express.ts',
  fastify: 'src/fastify.ts',
  koa: 'src/koa.ts',
  nest: 'src/nest.ts',
  service: 'src/service.ts',
  testing: 'src/testing.ts',
  axios: 'src/axios.ts',
  undici: 'src/undici.ts',
  env: 'src/env.ts',
  events: 'src/event-bus.ts',
  nameko: 'src/nameko.ts',
  agent: 'src/agent.ts',
  register: 'src/register.ts',
}

const library: Options = { entry, target: 'node20', platform: 'node', dts: true, splitting: true }

export default defineConfig([
  // The command shares its chunks with the library: an app that it starts loads one copy.
  {
    ...library,
    entry: { ...entry, 'cli/main': 'src/cli/main.ts' },
    dts: { entry },
    format: ['esm'],
    sourcemap: true,
    clean: true,
    onSuccess: async () => {
      await mergeChunks('dist')
      // The pages run in a browser as they are written: src/pages/files.ts finds them from the modules of both formats.
      await cp('src/pages/browser', 'dist/pages/browser', {
        recursive: true,
        filter: (file) => !file.endsWith('.json'),
      })
    },
  },
  // Its splitting loses the sources: CommonJS maps would name only the built file, by this machine's path. `shims` is the
  // stand-in for import.meta.url.
  { ...library, format: ['cjs'], sourcemap: false, shims: true, define: { 'import.meta.resolve': 'undefined' } },
])
