import { expect, test } from 'vitest'
import { startBus, unique } from '../../support/event-bus.js'

test('the leave waits for work that no request began, and says what is still at work', async () => {
  const source = unique('orders')
  const { sidecar, bus, lines } = await startBus(
    'hangs',
    { url: `memory:${source}` },
    { 'sidecar.leave-timeout': '500ms' },
  )
  const aborted: string[] = []
  let begin = () => {}
  const hang = (name: string, signal: AbortSignal) =>
    new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => {
        aborted.push(name)
        resolve()
      }),
    )
  const began = new Promise<void>((resolve) => (begin = resolve))
  sidecar.timer('tick', { every: '1h' }, ({ signal }) => hang('timer', signal), { eager: true })
  const handler = bus.on(source, 'created', async (_data, { signal }) => {
    begin()
    await hang('event', signal)
  })
  await handler.ready
  await bus.emit('created', {}, { source })
  await began
  await sidecar.stop({ drain: false })
  expect(aborted.sort()).toEqual(['event', 'timer'])
  expect(lines.filter((line) => line.includes('still open'))).toEqual([
    'warn sidecar.leave-timeout (500 ms) is over, still open: work of timers and events',
  ])
})

test('a limit that is over between two parts of the leave names nothing as open', async () => {
  const { sidecar, lines } = await startBus('blocks', { url: 'memory:blocks' }, { 'sidecar.leave-timeout': '50ms' })
  sidecar.onStop(
    () => {
      for (const began = performance.now(); performance.now() - began < 100;);
    },
    { when: 'before-deregister' },
  )
  await sidecar.stop({ drain: false })
  expect(lines.filter((line) => line.includes('leave-timeout'))).toEqual([
    'warn sidecar.leave-timeout (50 ms) is over, nothing is still open',
  ])
})
