import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { askForEchoes, poolApp } from '../support/pool-app.js'
import { devRegistry } from '../support/registry.js'
import { startTcpDatabase } from '../support/tcp-database.js'

const DRAIN = 4_000
/** Callers go on for so long after the signal: their lists are old. */
const CALLS_MS = 900
const namespaces = spawnSync('unshare', ['-r', '-p', '-f', 'true']).status === 0
afterEach(killChildren)

test.each([
  { as: 'by a signal', wrapper: undefined, exit: { code: null, signal: 'SIGTERM' } as const },
  {
    as: 'as PID 1',
    wrapper: ['unshare', '-r', '-p', '-f', '--mount-proc', '--kill-child'],
    exit: { code: 143, signal: null },
  },
])(
  'K2: SIGTERM under load, $as: no request fails, and each session of the pool ends cleanly',
  async ({ wrapper, exit }) => {
    if (wrapper && !namespaces) return
    const database = await startTcpDatabase()
    onTestFinished(() => database.close())
    const app = await poolApp(await devRegistry(), String(database.port), DRAIN, wrapper)
    const load = askForEchoes(app.port)
    await expect.poll(() => load.ok).toBeGreaterThan(50)
    // The only child of `unshare`: node, as PID 1 of its namespace.
    const pid = wrapper ? Number(readFileSync(`/proc/${app.pid}/task/${app.pid}/children`, 'utf8')) : app.pid
    process.kill(pid, 'SIGTERM')
    await app.message('draining')
    await sleep(CALLS_MS)
    await load.stop()
    expect(await app.exited).toEqual(exit)
    expect(load.failed).toEqual([])
    expect(app.messages.map(({ type }) => type).slice(-3)).toEqual(['draining', 'pool closed', 'stopped'])
    expect(database.log).toMatchObject({ opened: 4, closed: 4, aborted: 0, open: 0 })
  },
)
