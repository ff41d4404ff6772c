import { randomUUID } from 'node:crypto'
import { Command } from 'commander'
import { messageOf } from '../errors.js'
import { events, type EmitOptions, type EventBus } from '../event-bus.js'
import { loadAmqplib } from '../messaging/amqp/library.js'
import type { Sidecar } from '../sidecar.js'
import { printable } from '../util/printable.js'
import { addHeader, contentOf } from './call.js'
import { asGuest, WITHOUT_DOCUMENTS, withGuestOptions, type GuestFlags } from './guest.js'
import { UsageError } from './usage-error.js'

interface EmitFlags extends GuestFlags {
  readonly eventsUrl?: string
  readonly header: Readonly<Record<string, string>>
  readonly messageId?: string
  readonly contentType?: string
}

/** `nacos-sidecar emit`: one event, as the app of this folder would send it, in the name of any service. */
export function emitCommand(): Command {
  return withGuestOptions(
    new Command('emit')
      .description('Emit one event to the broker of the settings; exit code 1 if the broker does not confirm it.')
      .argument('<source>', 'the service in whose name it is')
      .argument('<type>', 'what happened there, such as created')
      .argument('[data]', 'JSON; @file reads a file, - the standard input (default: null)')
      .option('--events-url <url>', 'URL of the broker (default: sidecar.events.url, else spring.rabbitmq.*)')
      .option('-H, --header <name:value>', 'a header of the message; may be given again', addHeader, {})
      .option('--message-id <id>', 'by which handlers know an event that they have seen (default: a new UUID)')
      .option('--content-type <type>', 'send the data as it is, as text of this type')
      .addHelpText(
        'after',
        '\nOther users of the machine can read a command line: a password belongs into the settings, or into SIDECAR_EVENTS_URL.',
      ),
  ).action((source: string, type: string, data: string | undefined, flags: EmitFlags) =>
    emit(source, type, data, flags),
  )
}

async function emit(source: string, type: string, given: string | undefined, flags: EmitFlags): Promise<void> {
  const { eventsUrl, contentType, header, messageId = randomUUID(), json } = flags
  const data = given === undefined ? null : dataOf(contentOf(given), contentType)
  const options = { messageId, headers: header, ...(contentType !== undefined && { contentType }) }
  await asGuest(flags, eventsUrl === undefined ? {} : WITHOUT_DOCUMENTS, async (sidecar) => {
    await sidecar.ready
    const url = await emitTo(sidecar, eventsUrl, source, type, data, options)
    if (json) return console.log(JSON.stringify({ source, type, messageId, broker: url }))
    console.log(printable(`Emitted ${source} ${type} (message id ${messageId}): ${url} has it.`))
  })
}

function dataOf(text: string, contentType: string | undefined): unknown {
  if (contentType !== undefined) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(
      `the data is no JSON: ${messageOf(error)}. Text is written as '"text"', or sent as it is with --content-type text/plain`,
    )
  }
}

/** Emits over the broker of the settings, or of `url`. @returns the URL of the broker, without user and password */
export async function emitTo(
  sidecar: Sidecar,
  url: string | undefined,
  source: string,
  type: string,
  data: unknown,
  options: EmitOptions,
): Promise<string> {
  const bus: EventBus = events(sidecar, url === undefined ? {} : { url })
  const { broker } = bus.status()
  if (broker.url.startsWith('memory:')) {
    throw new UsageError(
      `${broker.url} is the memory of the app's own process, which another process cannot reach: --events-url names a broker, such as amqp://localhost`,
    )
  }
  // A bus tries again, as the package may be installed while the app runs; for a command it is an error at once.
  await loadAmqplib()
  await bus.emit(type, data, { ...options, source })
  return broker.url
}
