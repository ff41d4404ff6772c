import { startDevServer } from '../../../src/dev-server/index.js'

// The embedded registry in a process of its own.

const registry = await startDevServer()
process.send!({ address: registry.address })
process.on('disconnect', () => process.exit())
