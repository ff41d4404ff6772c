import { observability, type Observability } from '../support/observability.js'
import { importPackage } from '../support/package.js'
import { CONTEXT, SERVICE, type Contender, type OpenOptions, type User } from './contender.js'

/** With everything on: discovery, two instances in turn, context, both deadlines, retry. */
export async function openOurs({ registry, build }: OpenOptions, how: Observability = 'default'): Promise<Contender> {
  const { createSidecar, defineClient, GET, runWithContext } = await importPackage(build)
  const { options, settings } = await observability(how)
  const sidecar = createSidecar({
    ...{ configPath: false, signals: false, ...options },
    settings: {
      ...settings,
      application: { name: 'bench-consumer' },
      cloud: { nacos: { serverAddr: registry, discovery: { registerEnabled: false } } },
    },
  })
  await sidecar.ready
  const users = sidecar.client(
    defineClient(
      { name: SERVICE, timeoutMs: 5_000, retry: 1, headers: { accept: 'application/json' } },
      { byId: GET('/users/{id}').as<(p: { id: string }) => Promise<User>>() },
    ),
  )
  return { getUser: (id) => users.byId({ id }), within: (run) => runWithContext(CONTEXT, run) }
}
