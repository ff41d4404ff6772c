import { expect, test } from 'vitest'
import { every, type TimerContext } from 'nacos-sidecar'
import { events, on, type EventWork } from 'nacos-sidecar/events'
import { openBus, startBus, unique } from '../../support/event-bus.js'

interface Order {
  id: number
}

const until = async (done: () => boolean) => expect.poll(done, { interval: 5, timeout: 10_000 }).toBe(true)
const invalid = (message: string) =>
  expect.objectContaining({
    code: 'SIDECAR_MOUNT_INVALID',
    message: expect.stringContaining(message) as string,
  }) as Error

test('methods with @on and @every are at work once their object is mounted, and end with the mount', async () => {
  const source = unique('orders')
  const member = openBus('mails', { url: `memory:${source}` })
  class Mails {
    readonly seen: unknown[] = []
    #private = 'of the instance'

    @on(source, 'created')
    async confirm(order: Order, { messageId }: EventWork) {
      this.seen.push([this.#private, order.id, messageId])
    }

    @every(10, { eager: true, name: 'tidy up' })
    tidyUp({ signal }: TimerContext) {
      if (!signal.aborted && !this.seen.includes('tick')) this.seen.push('tick')
    }

    @every({ every: '1h' })
    rarely() {}

    helper() {}
  }
  const mails = new Mails()
  const mounted = member.sidecar.mount(mails, { bus: member.bus })
  await member.sidecar.ready
  await mounted.ready
  expect(member.bus.status().handlers).toMatchObject([
    { handler: 'confirm', queue: `evt-${source}-created--mails.confirm` },
  ])
  expect(member.sidecar.status().timers).toMatchObject([{ name: 'tidy up' }, { name: 'rarely', schedule: 'every 1h' }])
  await member.bus.emit('created', { id: 7 }, { source, messageId: 'a' })
  await until(() => mails.seen.length === 2)
  expect(mails.seen).toEqual(expect.arrayContaining(['tick', ['of the instance', 7, 'a']]))
  mounted()
  expect(member.bus.status().handlers).toEqual([])
  expect(member.sidecar.status().timers).toEqual([])
  member.sidecar.mount(mails, { bus: member.bus })()
})

test('@on takes the bus of the settings, and what sidecar.around has set up', async () => {
  const source = unique('orders')
  const { sidecar } = openBus('stock', { url: 'memory:another' }, { 'sidecar.events.url': `memory:${source}` })
  const seen: unknown[] = []
  class Stock {
    @on(source, 'created', { mode: 'singleton', retry: false })
    reserve(order: Order) {
      seen.push(order.id)
    }
  }
  sidecar.around(async (work, next) => {
    await next()
    seen.push([work.kind, work.name, work.kind === 'event' && work.messageId, work.failed])
  })
  const mounted = sidecar.mount(new Stock())
  await mounted.ready
  await events(sidecar).emit('created', { id: 7 }, { source, messageId: 'b' })
  await until(() => seen.length === 2)
  expect(seen).toEqual([7, ['event', `${source} created`, 'b', false]])
})

test('a subclass: its own method takes the place of the one above, with a decorator of its own', async () => {
  const { sidecar } = await startBus('subclass', { url: 'memory:subclass' })
  class Base {
    @every('1h') first() {}
    @every('1h') second() {}
    @every('1h') third() {}
  }
  class Nearer extends Base {
    override first() {}
    @every('2h') override second() {}
  }
  sidecar.mount(new Nearer())
  const schedules = sidecar.status().timers.map(({ name, schedule }) => [name, schedule])
  expect(new Map(schedules as [string, string][])).toEqual(
    new Map([
      ['second', 'every 2h'],
      ['third', 'every 1h'],
    ]),
  )
})

test('what cannot be mounted is a clear error, and then nothing of it is at work', async () => {
  const { sidecar, bus } = await startBus('refused', { url: 'memory:refused' })
  class Empty {
    method() {}
  }
  class Ticks {
    @every('1h') tick() {}
  }
  class Wrong {
    @every('1h') fine() {}
    @every('no duration') wrong() {}
  }
  const ticks = new Ticks()
  const mount = (handlers: unknown) => () => sidecar.mount(handlers as object, { bus })
  expect(mount(new Empty())).toThrow(invalid('Empty has no method with @on or @every'))
  expect(mount({})).toThrow(invalid('object has no method'))
  expect(mount(Ticks)).toThrow(invalid('pass new Ticks()'))
  expect(mount(undefined)).toThrow(invalid('expected an object'))
  expect(() => sidecar.mount(new Ticks(), { bus: {} as never })).toThrow(
    invalid('bus: expected what events(sidecar) gave'),
  )
  mount(ticks)()
  expect(mount(ticks)).toThrow(invalid('this Ticks is mounted already'))
  expect(mount(new Ticks())).toThrow(expect.objectContaining({ code: 'SIDECAR_TIMER_INVALID' }) as Error)
  expect(mount(new Wrong())).toThrow(expect.objectContaining({ code: 'SIDECAR_TIMER_INVALID' }) as Error)
  expect(sidecar.status().timers).toMatchObject([{ name: 'tick' }])
})

test('a decorator on what is no public method of an instance is an error of the class', () => {
  const decorate = every('1h') as unknown as (value: unknown, context: object) => void
  const refused = (context: object, value: unknown = () => {}) => {
    const full = { name: 'work', static: false, private: false, ...context }
    expect(() => decorate(value, full)).toThrow(expect.objectContaining({ code: 'SIDECAR_MOUNT_INVALID' }) as Error)
  }
  refused({ kind: 'method', static: true })
  refused({ kind: 'method', private: true, name: '#work' })
  refused({ kind: 'method', name: Symbol('work') })
  refused({ kind: 'field' }, undefined)
  refused({ kind: 'getter' })
  expect(() => {
    class Hidden {
      @(on('orders', 'created') as unknown as (...args: unknown[]) => void) #work() {}
      use() {
        this.#work()
      }
    }
    return Hidden
  }).toThrow(invalid('it is private'))
})
