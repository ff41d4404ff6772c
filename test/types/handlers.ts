/** Checked by `tsc` only: what `@on` and `@every` take. */
import { currentWork, every, type Sidecar, type TimerContext, type WorkLocals } from 'nacos-sidecar'
import { on, type EventWork } from 'nacos-sidecar/events'
import { z } from 'zod'

const Order = z.object({ id: z.number() })

export class Good {
  @on('order-service', 'created') any(_order: { id: number }, _work: EventWork): void {}
  @on('order-service', 'created') async less(): Promise<void> {}
  @on('order-service', 'created', { schema: Order, mode: 'broadcast' }) checked(_order: { id: number }): void {}
  @every('30s') tick(): void {}
  @every({ cron: '0 30 2 * * *', timezone: 'Europe/Berlin' }, { on: 'one' }) cron({ signal }: TimerContext): boolean {
    return signal.aborted
  }
}

export class Bad {
  // @ts-expect-error the schema gives a number
  @on('order-service', 'created', { schema: Order }) checked(_order: { id: string }): void {}
  // @ts-expect-error it is given no third argument
  @on('order-service', 'created') third(_order: unknown, _work: EventWork, _more: string): void {}
  // @ts-expect-error a run of a timer is given its context
  @every('30s') tick(_name: string): void {}
  // @ts-expect-error not a method
  @every('30s') field = () => {}
  // @ts-expect-error a schedule is every or cron
  @every({ seconds: 30 }) wrong(): void {}
}

export function arounds(sidecar: Sidecar): void {
  sidecar.around(async (work, next) => {
    const locals: WorkLocals = work.locals
    locals['db'] = 1
    if (work.kind === 'event') work.messageId?.toUpperCase()
    if (work.kind === 'request') work.response.statusCode.toFixed()
    // @ts-expect-error of requests only
    work.response.end()
    await next()
  })
  // @ts-expect-error no such kind
  sidecar.around(() => {}, { kinds: ['requests'] })
  currentWork()?.signal.throwIfAborted()
  sidecar.mount(new Good())[Symbol.dispose]()
}
