import { every } from 'nacos-sidecar'
import { on, type EventWork } from 'nacos-sidecar/events'
import { expect, test } from 'vitest'
import { startBus, unique } from '../support/event-bus.js'

interface Order {
  id: number
}

const source = unique('legacy')

class Mails {
  readonly seen: unknown[] = []
  constructor(private readonly name: string) {}

  @on(source, 'created')
  @on(source, 'changed', { retry: false })
  async confirm(order: Order, { type }: EventWork): Promise<void> {
    this.seen.push([this.name, type, order.id])
  }

  @every('1h', { eager: true })
  tick(): void {
    this.seen.push('tick')
  }
}

test('experimentalDecorators: methods with @on and @every are at work once their object is mounted', async () => {
  const { sidecar, bus } = await startBus('legacy', { url: `memory:${source}` })
  const mails = new Mails('mine')
  const mounted = sidecar.mount(mails, { bus })
  await mounted.ready
  await bus.emit('created', { id: 1 }, { source })
  await bus.emit('changed', { id: 2 }, { source })
  await expect.poll(() => mails.seen.length, { interval: 5 }).toBe(3)
  expect(mails.seen).toEqual(expect.arrayContaining(['tick', ['mine', 'created', 1], ['mine', 'changed', 2]]))
})

test('experimentalDecorators: what is no method of an instance is an error of the class', () => {
  const refused = (decorate: () => unknown) =>
    expect(decorate).toThrow(expect.objectContaining({ code: 'SIDECAR_MOUNT_INVALID' }) as Error)
  refused(() => {
    class Static {
      @every('1h') static work(): void {}
    }
    return Static
  })
  refused(() => {
    class Field {
      @(every('1h') as unknown as PropertyDecorator) work = () => {}
    }
    return Field
  })
})
