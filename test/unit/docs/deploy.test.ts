import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { loadBootstrap } from '../../support/bootstrap.js'
import { blocksOf, docPages } from '../../support/doc-pages.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

describe('a block of the documentation that is part of a file', () => {
  const blocks = docPages()
    .flatMap(blocksOf)
    .filter(({ notes }) => notes['part-of'] !== undefined)
  const trimmed = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => line.trim())

  test.each(blocks.map((block) => [`${block.page}:${block.line}`, block] as const))('%s', (_, { code, notes }) => {
    const file = trimmed(read(notes['part-of']!)).join('\n')
    const rest = trimmed(code)
    // Levels of YAML that say where it stands may be far above it.
    while (rest.length > 1 && /^\w+:$/.test(rest[0]!)) rest.shift()
    expect(file).toContain(rest.join('\n'))
  })

  test('there are some, in both languages', () => {
    expect(blocks.filter(({ page }) => page === 'docs/deployment.md').length).toBeGreaterThan(5)
  })
})

describe('the time that each platform gives is that of the whole leave', () => {
  /** How long requests in flight may take; lifecycle.ts. */
  const FINISH_MS = 9_000
  const leave = () => {
    const { sidecar } = loadBootstrap('application: { name: orders }').settings
    return sidecar.deregisterTimeout + sidecar.drainTimeout + FINISH_MS
  }
  const file = (path: string) => read(`examples/deploy/${path}`)
  const secondsIn = (text: string, pattern: RegExp) => Number(pattern.exec(text)![1]) * 1_000
  const LEAVE_TIMEOUT = /SIDECAR_LEAVE_TIMEOUT(?:=|: |\s+value: )(\d+)s/

  test('Kubernetes: preStop too', () => {
    const text = file('kubernetes/deployment.yaml')
    const graceMs = secondsIn(text, /terminationGracePeriodSeconds: (\d+)/)
    const preStopMs = secondsIn(text, /preStop:\s+sleep:\s+seconds: (\d+)/)
    expect(graceMs - preStopMs).toBeGreaterThan(leave())
    expect(secondsIn(text, LEAVE_TIMEOUT)).toBe(graceMs - preStopMs - 1_000)
    const { containers } = (
      load(text) as {
        spec: {
          template: { spec: { containers: [{ livenessProbe: { failureThreshold: number; periodSeconds: number } }] } }
        }
      }
    ).spec.template.spec
    // A long pause of the process is no reason to kill it: callers eject it before that.
    const { failureThreshold, periodSeconds } = containers[0].livenessProbe
    expect(failureThreshold * periodSeconds).toBeGreaterThanOrEqual(30)
  })

  test('Compose, systemd, PM2', () => {
    const leaveMs = leave()
    const compose = file('orders/compose.yaml')
    const unit = file('systemd/orders@.service')
    for (const [text, pattern] of [
      [compose, /stop_grace_period: (\d+)s/],
      [unit, /^TimeoutStopSec=(\d+)$/m],
    ] as const) {
      const graceMs = secondsIn(text, pattern)
      expect(graceMs).toBeGreaterThan(leaveMs)
      expect(secondsIn(text, LEAVE_TIMEOUT)).toBe(graceMs - 1_000)
    }
    for (const name of ['ecosystem.config.cjs', 'fork.config.cjs'])
      expect(secondsIn(file(`pm2/${name}`), /kill_timeout: (\d+)_000/)).toBeGreaterThan(leaveMs)
  })

  test('nginx: idle connections go before Node ends them, and before a drain of 5 s is over', () => {
    const idleMs = secondsIn(file('nginx/orders.conf'), /^ +keepalive_timeout (\d+)s;/m)
    expect(idleMs).toBeLessThan(5_000)
    expect(secondsIn(file('nginx/orders.conf'), /^ +proxy_read_timeout (\d+)s;/m)).toBeLessThanOrEqual(FINISH_MS)
  })
})
