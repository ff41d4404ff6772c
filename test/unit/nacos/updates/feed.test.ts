import type { ConfigItem, ServiceInstance } from 'nacos-sidecar'
import { describe, expect, it } from 'vitest'
import { createConfigFeed, createServiceFeed } from '../../../../src/nacos/updates/feed.js'
import type { ConfigListener, ConfigSource, ServiceListener, ServiceSource } from '../../../../src/nacos/transport.js'
import { anInstance, ORDERS } from '../../../support/transport.js'

const KEY = { namespace: '', group: 'DEFAULT_GROUP', dataId: 'app.yml' }
const item = (content: string): ConfigItem => ({ ...KEY, content, md5: `md5-${content}` })

/** A source of documents that a test speaks through. */
function configSource() {
  const watches: { knownMd5: string; listener: ConfigListener; ended: boolean }[] = []
  const watch: ConfigSource = (_key, knownMd5, listener) => {
    const one = { knownMd5, listener, ended: false }
    watches.push(one)
    return () => void (one.ended = true)
  }
  const open = () => watches.filter(({ ended }) => !ended)
  return { watches, open, watch, emit: (what: ConfigItem | undefined) => open().forEach((one) => one.listener(what)) }
}

describe('a config feed', () => {
  it('asks nothing while there is no source, then starts from what the listener holds', () => {
    const feed = createConfigFeed()
    const push = configSource()
    feed.watch(KEY, 'md5-one', () => {})
    expect(push.watches).toEqual([])
    feed.setSource(push.watch)
    expect(push.open()).toMatchObject([{ knownMd5: 'md5-one' }])
  })

  it('has one source at any time, and each starts where the other ended', () => {
    const feed = createConfigFeed()
    const [pull, push] = [configSource(), configSource()]
    const heard: (string | undefined)[] = []
    feed.watch(KEY, '', (next) => heard.push(next?.content))
    feed.setSource(pull.watch)
    pull.emit(item('one'))
    feed.setSource(push.watch)
    expect([pull.open(), push.open()]).toMatchObject([[], [{ knownMd5: 'md5-one' }]])
    push.emit(item('two'))
    feed.setSource(undefined)
    expect([pull.open(), push.open()]).toEqual([[], []])
    feed.setSource(pull.watch)
    expect(pull.open()).toMatchObject([{ knownMd5: 'md5-two' }])
    pull.emit(undefined)
    feed.setSource(push.watch)
    expect(push.open()).toMatchObject([{ knownMd5: '' }])
    expect(heard).toEqual(['one', 'two', undefined])
  })

  it('tells of a change that was taken back over another source', () => {
    const feed = createConfigFeed()
    const [pull, push] = [configSource(), configSource()]
    const heard: unknown[] = []
    feed.watch(KEY, 'md5-one', (next) => heard.push(next?.content))
    feed.setSource(pull.watch)
    pull.emit(item('two'))
    feed.setSource(push.watch)
    push.emit(item('one'))
    expect(heard).toEqual(['two', 'one'])
  })

  it('ends with its subscription, and with close', () => {
    const feed = createConfigFeed()
    const push = configSource()
    const end = feed.watch(KEY, '', () => {})
    feed.watch(KEY, '', () => {})
    feed.setSource(push.watch)
    end()
    end()
    expect(push.open()).toHaveLength(1)
    feed.close()
    expect(push.open()).toEqual([])
  })
})

it('a service feed takes its lists from the source of the moment', () => {
  const feed = createServiceFeed()
  const source = () => {
    const listeners = new Set<ServiceListener>()
    const watch: ServiceSource = (_key, listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
    return { watch, emit: (port: number) => listeners.forEach((listener) => listener([anInstance({ port })])) }
  }
  const [pull, push] = [source(), source()]
  const lists: ServiceInstance[][] = []
  feed.watch(ORDERS, (list) => lists.push(list))
  feed.setSource(pull.watch)
  pull.emit(1)
  feed.setSource(push.watch)
  pull.emit(2)
  push.emit(3)
  expect(lists.map(([one]) => one!.port)).toEqual([1, 3])
})
