import { defineService } from 'nacos-sidecar/service'
import { events } from 'nacos-sidecar/events'
import { env } from './env.js'
import { Decided } from './messages.js'

export interface Mail {
  readonly from: string
  readonly to: string
  readonly subject: string
}

export interface Mailer {
  send(mail: Mail): Promise<void>
}

/** A real one would open its connection to a mail server. */
const openMailer = (): Mailer => ({
  send: async ({ to, subject }) => console.log(`mail to ${to}: ${subject}`),
})

/** Tells customers how it went. */
export default defineService({
  name: 'mail',
  configPath: import.meta.dirname,
  setup(_app, sidecar) {
    const mailer = sidecar.provide('mailer', { start: openMailer })
    const bus = events(sidecar)
    const tell = (subject: (of: Decided) => string) => (of: Decided) =>
      mailer.use((mailer) => mailer.send({ from: env.MAIL_FROM, to: of.mail, subject: subject(of) }))

    const retry = { attempts: 5, factor: 3 }
    bus.on(
      'orders',
      'confirmed',
      tell(({ item }) => `Your ${item} is on its way`),
      { schema: Decided, retry },
    )
    bus.on(
      'orders',
      'rejected',
      tell(({ item }) => `We have no ${item} left`),
      { schema: Decided, retry },
    )
  },
})
