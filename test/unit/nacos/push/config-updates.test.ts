import { describe, expect, it } from 'vitest'
import { createConfigUpdates } from '../../../../src/nacos/push/config-updates.js'
import type { ConfigListener } from '../../../../src/nacos/transport.js'
import type { ConfigItem } from '../../../../src/types.js'
import { collectLog } from '../../../support/collect.js'

const KEY = { namespace: '', group: 'DEFAULT_GROUP', dataId: 'app.yml' }
const item = (content: string): ConfigItem => ({ ...KEY, content, md5: `md5-${content}` })

/** A way that a test speaks through. */
function way() {
  const watches: { knownMd5: string; listener: ConfigListener; ended: boolean }[] = []
  return {
    watches,
    open: () => watches.filter((watch) => !watch.ended),
    watch: (_key: unknown, knownMd5: string, listener: ConfigListener) => {
      const watch = { knownMd5, listener, ended: false }
      watches.push(watch)
      return () => void (watch.ended = true)
    },
    say: (what: ConfigItem | undefined) =>
      watches.filter(({ ended }) => !ended).forEach((watch) => watch.listener(what)),
  }
}

function setup() {
  const pull = way()
  const push = way()
  const logger = collectLog()
  const feed = createConfigUpdates({ pull: pull.watch, logger })
  return {
    pull,
    push,
    feed,
    logger,
    toPush: () => feed.setMode('push', push.watch),
    toPull: () => feed.setMode('pull', undefined),
  }
}

describe('a config feed', () => {
  it('asks nothing while it waits for the link, then starts from what the listener holds', () => {
    const { pull, push, feed, toPush } = setup()
    feed.watch(KEY, 'md5-one', () => {})
    expect([pull.watches, push.watches]).toEqual([[], []])
    toPush()
    expect(push.open()).toMatchObject([{ knownMd5: 'md5-one' }])
  })

  it('has one way open at any time, and each starts where the other ended', () => {
    const { pull, push, feed, toPush, toPull } = setup()
    const heard: (string | undefined)[] = []
    feed.watch(KEY, '', (next) => heard.push(next?.content))
    toPull()
    pull.say(item('one'))
    toPush()
    expect([pull.open(), push.open()]).toMatchObject([[], [{ knownMd5: 'md5-one' }]])
    push.say(item('two'))
    feed.setMode('pause', undefined)
    expect([pull.open(), push.open()]).toEqual([[], []])
    toPull()
    expect(pull.open()).toMatchObject([{ knownMd5: 'md5-two' }])
    pull.say(undefined)
    toPush()
    expect(push.open()).toMatchObject([{ knownMd5: '' }])
    expect(heard).toEqual(['one', 'two', undefined])
  })

  it('reports a change that was reverted while the other source was used', () => {
    const { pull, push, feed, toPush, toPull } = setup()
    const heard: unknown[] = []
    feed.watch(KEY, 'md5-one', (next) => heard.push(next?.content))
    toPush()
    toPull()
    pull.say(item('two'))
    toPush()
    push.say(item('one'))
    expect(heard).toEqual(['two', 'one'])
  })

  it('reports nothing twice', () => {
    const { push, feed, toPush } = setup()
    const heard: unknown[] = []
    feed.watch(KEY, '', (next) => heard.push(next?.content))
    toPush()
    push.say(item('one'))
    push.say(item('one'))
    push.say(undefined)
    push.say(undefined)
    expect(heard).toEqual(['one', undefined])
  })

  it('lets no listener harm another, and none be heard after its end', () => {
    const { push, feed, toPush, logger } = setup()
    const heard: unknown[] = []
    feed.watch(KEY, '', () => {
      throw new Error('boom')
    })
    const end = feed.watch(KEY, '', (next) => heard.push(next?.content))
    toPush()
    push.say(item('one'))
    end()
    end()
    push.say(item('two'))
    expect(heard).toEqual(['one'])
    expect(logger.lines.filter((line) => line.includes('boom'))).toHaveLength(2)
    feed.close()
    expect(push.open()).toEqual([])
  })
})
