import { idle } from './scenarios/idle.js'
import { publishToListener } from './scenarios/publish-to-listener.js'
import { registerToSeen } from './scenarios/register-to-seen.js'
import type { Job, Scenario, ScenarioName } from './scenarios/scenario.js'
import { watched } from './scenarios/watched.js'

// One contender in one scenario, in a process of its own: `node child.js '<job as JSON>'`.

const SCENARIOS: Readonly<Record<ScenarioName, Scenario<unknown>>> = {
  idle,
  publishToListener,
  registerToSeen,
  watched,
}

const job = JSON.parse(process.argv[2]!) as Job
// Clients keep trying when their registry goes; what is measured has been sent by then.
process.on('uncaughtException', (error) => process.send!({ error: String(error.stack) }, () => process.exit(1)))
const result = await SCENARIOS[job.scenario](job, () => process.send!({ window: true }))
process.send!({ result }, () => process.exit())
