/** Compiled, never run: a balancer of one's own, as docs/calls.md has it. */
import { registerBalancer } from 'nacos-sidecar'
import { createRoundRobin } from '../../src/balance/round-robin.js'

registerBalancer('near', (instances, previous, { cluster }) =>
  createRoundRobin(
    instances.filter((instance) => instance.cluster === cluster),
    previous,
  ),
)
registerBalancer('first', (instances) => {
  const endpoints = instances.map((instance) => ({ instance, done() {} }))
  return { pick: (hint) => endpoints.find((e) => !hint?.exclude?.has(e.instance)) }
})
