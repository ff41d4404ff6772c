import { once } from 'node:events'
import express from 'express'
import { expect, test } from 'vitest'
import { join } from '../support/member.js'
import { testRegistry } from '../support/registry.js'

test('fault 59: a tick while leaving: no further one begins, and the one that runs is done before the stop hooks', async () => {
  const registry = await testRegistry()
  const { sidecar } = await join(express(), registry.settings({ 'application.name': 'leaving' }))
  const order: string[] = []
  let end = () => {}
  sidecar.onStop(() => void order.push('stop hook'))
  sidecar.timer('work', { every: 5 }, async ({ signal }) => {
    order.push('begins')
    await new Promise<void>((resolve) => (end = resolve))
    order.push(signal.aborted ? 'aborted' : 'ends')
  })
  await expect.poll(() => order.length, { interval: 5 }).toBe(1)
  const left = once(sidecar, 'deregistered')
  const stopped = sidecar.stop({ drain: false })
  await left
  end()
  await stopped
  expect(order).toEqual(['begins', 'ends', 'stop hook'])
})
