import { startChild, type Child } from './child.js'

const APP = new URL('../fixtures/apps/member-app.mjs', import.meta.url)

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
  const child = startChild(APP, { env: { SETTINGS: JSON.stringify(settings) } })
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
