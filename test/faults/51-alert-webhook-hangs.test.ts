import { expect, test, vi } from 'vitest'
import { alerts } from '../support/member.js'
import { startOutage } from '../support/registry.js'
import { startWebhook } from '../support/webhook.js'

test('fault 51: a webhook that never answers: one request at a time, one warning, calls and the leave go on', async () => {
  const hook = await startWebhook(() => {})
  const outage = await startOutage()
  const sidecar = outage.sidecar({
    'config.import': ['a', 'b', 'c'].map((name) => `optional:nacos:${name}.yml`),
    'sidecar.alerts': { webhook: hook.url, for: 0, timeout: 100 },
  })
  await sidecar.ready
  const rejected = vi.fn()
  sidecar.on('configRejected', rejected)
  for (const name of ['a', 'b', 'c']) await outage.publish(`${name}.yml`, 'x: [')
  await vi.waitFor(() => expect(alerts(sidecar).filter((line) => line.includes('webhook'))).toHaveLength(1))
  await vi.waitFor(() => expect(rejected).toHaveBeenCalledTimes(3))
  expect(new Set(hook.received.map(({ json }) => json['subject']))).toEqual(new Set(['a.yml']))
  await outage.publish('a.yml', 'x: 1')
  await vi.waitFor(() => expect(sidecar.config.get('x')).toBe(1))
  await sidecar.stop({ drain: false })
  const sent = hook.received.length
  expect(alerts(sidecar).filter((line) => line.includes('webhook'))).toHaveLength(1)
  expect(hook.received).toHaveLength(sent)
})
