import { expect, test, vi } from 'vitest'
import { Listeners } from '../../../src/util/listeners.js'
import { collectLog } from '../../support/collect.js'

function setUp(replay = false) {
  const logger = collectLog()
  const onEmpty = vi.fn()
  const listeners = new Listeners<number>({ name: 'the number', logger, replay, onEmpty })
  return { listeners, onEmpty, logger }
}

test('calls each listener, the same one as often as it was added', () => {
  const { listeners } = setUp()
  const heard = vi.fn()
  const end = listeners.add(heard)
  listeners.add(heard)
  listeners.emit(1)
  expect(heard).toHaveBeenCalledTimes(2)
  end()
  end()
  listeners.emit(2)
  expect(heard).toHaveBeenCalledTimes(3)
  expect(listeners.size).toBe(1)
})

test('one that throws or rejects is one line in the log and affects no other', async () => {
  const { listeners, logger } = setUp()
  const heard: number[] = []
  listeners.add(() => {
    throw new Error('thrown')
  })
  listeners.add(async () => Promise.reject(new Error('rejected')))
  listeners.add((value) => heard.push(value))
  listeners.emit(1)
  expect(heard).toEqual([1])
  await vi.waitFor(() =>
    expect(logger.lines).toEqual([
      'error A listener of the number threw: thrown',
      'error A listener of the number threw: rejected',
    ]),
  )
})

test('a late one gets the last value, once', async () => {
  const { listeners } = setUp(true)
  const [early, late, overtaken, ended] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()]
  listeners.add(early)
  await Promise.resolve()
  expect(early).not.toHaveBeenCalled()
  listeners.emit(1)
  listeners.add(late)
  listeners.add(ended)()
  await Promise.resolve()
  expect(late.mock.calls).toEqual([[1]])
  expect(ended).not.toHaveBeenCalled()
  listeners.add(overtaken)
  listeners.emit(2)
  await Promise.resolve()
  expect(overtaken.mock.calls).toEqual([[2]])
})

test('one that is ended by a listener before it is not called; the end of the last is reported', () => {
  const { listeners, onEmpty } = setUp()
  const second = vi.fn()
  const ends: (() => void)[] = [listeners.add(() => ends[1]!()), listeners.add(second)]
  listeners.emit(1)
  expect(second).not.toHaveBeenCalled()
  expect(onEmpty).not.toHaveBeenCalled()
  ends[0]!()
  expect(onEmpty).toHaveBeenCalledTimes(1)
})
