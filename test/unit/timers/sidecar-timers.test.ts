import express from 'express'
import { expect, test } from 'vitest'
import { currentContext, runWithContext } from 'nacos-sidecar'
import { join, observer } from '../../support/member.js'
import { testRegistry } from '../../support/registry.js'

const until = async (done: () => boolean) => expect.poll(done, { interval: 5, timeout: 10_000 }).toBe(true)

test('a timer runs from the end of the start, with figures, and outside of the request that made it', async () => {
  const registry = await testRegistry()
  const sidecar = await observer(registry.settings({ 'application.name': 'ticking' }))
  const seen: unknown[] = []
  runWithContext({ token: 'of a caller' }, () =>
    sidecar.timer('tick', { every: 10 }, () => void seen.push(currentContext()), { eager: true }),
  )
  await until(() => seen.length >= 3)
  expect(new Set(seen)).toEqual(new Set([undefined]))
  expect(sidecar.status().timers).toMatchObject([{ name: 'tick', schedule: 'every 10 ms', on: 'each', failures: 0 }])
  const figure = sidecar.stats().operations.find(({ kind }) => kind === 'timer')
  expect(figure).toMatchObject({ name: 'tick', errors: 0 })
  expect(figure!.count).toBeGreaterThanOrEqual(3)
})

test('on: one, of two instances the first of the list runs it, and the other one when that has left', async () => {
  const registry = await testRegistry()
  const runs = [0, 0]
  const members = await Promise.all(
    runs.map(async (_, index) => {
      const member = await join(express(), registry.settings({ 'application.name': 'pair' }))
      member.sidecar.timer('single', { every: 20 }, () => void runs[index]!++, { on: 'one' })
      return member
    }),
  )
  await until(() => runs.some((count) => count >= 3))
  const first = runs[0]! > 0 ? 0 : 1
  const other = 1 - first
  await members[first]!.sidecar.stop({ drain: false })
  await until(() => runs[other]! >= 3)
})
