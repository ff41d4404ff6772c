import { onTestFinished } from 'vitest'
import { startChild, type Child, type ChildOptions } from './child.js'

const COMPOSED = new URL('../fixtures/apps/composed-app.mjs', import.meta.url)
const MEMBER = new URL('../fixtures/apps/member-app.mjs', import.meta.url)

export const FRAMEWORKS = ['express', 'fastify', 'koa', 'none'] as const
export type Framework = (typeof FRAMEWORKS)[number]

export interface ComposedApp extends Child {
  readonly port: number
}

/** An app on the built package, registered; see the fixture for its environment. */
export async function composedApp(
  registry: { readonly address: string },
  env: Readonly<Record<string, string>> = {},
  options: Omit<ChildOptions, 'env'> = {},
): Promise<ComposedApp> {
  const child = startChild(COMPOSED, { ...options, env: { REGISTRY: registry.address, ...env } })
  onTestFinished(() => void child.kill())
  const { port } = await child.message<{ port: number }>('listening')
  await child.message('registered')
  return Object.assign(child, { port })
}

/** A service in a process of its own that has joined the mesh. */
export interface MemberProcess {
  readonly child: Child
  ask<T = Record<string, unknown>>(type: string, question?: object): Promise<T>
}

export interface MemberTimes {
  readonly beatMs: number
  readonly pollMs?: number
}

/** @param more settings over those that every member has. */
export function startMember(
  serverAddr: string,
  { beatMs, pollMs = beatMs }: MemberTimes,
  more: { nacos?: object; discovery?: object; config?: object; sidecar?: object } = {},
): MemberProcess {
  const settings = {
    application: { name: 'orders' },
    cloud: {
      nacos: {
        serverAddr,
        ...more.nacos,
        discovery: {
          ip: '127.0.0.1',
          heartBeatInterval: beatMs,
          heartBeatTimeout: 3 * beatMs,
          ipDeleteTimeout: 6 * beatMs,
          ...more.discovery,
        },
        config: { sharedConfigs: ['shared.yml'], ...more.config },
      },
    },
    sidecar: { drain: 0, pollInterval: pollMs, refreshAll: true, ...more.sidecar },
  }
  const child = startChild(MEMBER, { env: { SETTINGS: JSON.stringify(settings) } })
  let asked = 0
  return {
    child,
    ask<T>(type: string, question: object = {}) {
      const id = ++asked
      child.send({ type, id, ...question })
      return child.message<T>(`answer ${id}`, 60_000)
    },
  }
}
