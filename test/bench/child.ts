import { app } from './roles/app.js'
import { caller } from './roles/caller.js'
import { events } from './roles/events.js'
import { load } from './roles/load.js'
import { picker } from './roles/picker.js'
import { provider } from './roles/provider.js'
import { report, serve, type Handlers } from './support/worker.js'

// One process of the bench: `node child.js <role> '<options as JSON>'`.

const ROLES: Readonly<Record<string, (options: never) => Promise<Handlers>>> = {
  app,
  caller,
  events,
  load,
  picker,
  provider,
}

const [role, options] = process.argv.slice(2) as [string, string]
process.on('disconnect', () => process.exit())
await ROLES[role]!(JSON.parse(options) as never).then(serve, report)
