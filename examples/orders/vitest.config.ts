import { defineConfig } from 'vitest/config'

// In this repository the package is not below node_modules: it is loaded as if it were.
export default defineConfig({ test: { server: { deps: { external: [/\/dist\//] } } } })
