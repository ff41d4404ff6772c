import { defineConfig } from 'tsup'

/** Every public way into the package; the key is the path under dist/, and package.json `exports` mirrors it. */
const entry = {
  index: 'src/index.ts',
  'dev-server/index': 'src/dev-server/index.ts',
  axios: 'src/axios.ts',
  undici: 'src/undici.ts',
  register: 'src/register.ts',
}

export default defineConfig([
  {
    entry,
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'node',
    dts: true,
    splitting: true,
    sourcemap: true,
    clean: true,
    // The CommonJS build needs a stand-in for import.meta.url.
    shims: true,
  },
  {
    entry: { 'cli/main': 'src/cli/main.ts' },
    format: ['esm'],
    target: 'node20',
    platform: 'node',
    dts: false,
    splitting: false,
    sourcemap: true,
    banner: { js: '#!/usr/bin/env node' },
  },
])
