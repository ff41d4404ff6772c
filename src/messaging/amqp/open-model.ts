import type { Duplex } from 'node:stream'
import type { ChannelModel, Options, SocketOptions } from 'amqplib'
import { messageOf, SidecarError } from '../../errors.js'
import { mask } from '../../util/secrets.js'
import { unlessAborted } from '../../util/unless-aborted.js'
import type { AmqpSettings } from '../amqp-settings.js'
import { loadAmqplib } from './library.js'

/** Long enough for a broker that is busy with its start. */
const CONNECT_TIMEOUT_MS = 10_000
/** A broker that does not answer to the end of a connection is left. */
const CLOSE_TIMEOUT_MS = 2_000

export interface OpenModel {
  readonly model: ChannelModel
  /** Without user and password. */
  readonly url: string
  /** Its place among the addresses. */
  readonly at: number
}

/** Without user and password. */
export function urlOf({ addresses, tls, vhost }: AmqpSettings, at = 0): string {
  const address = addresses[at] ?? addresses[0]
  const path = vhost === '/' ? '' : `/${encodeURIComponent(vhost)}`
  return `${tls === false ? 'amqp' : 'amqps'}://${address?.host ?? '?'}:${address?.port ?? '?'}${path}`
}

/**
 * Connects to the first of the addresses that takes the connection.
 *
 * @param name how the broker's own pages call it
 * @param first where to begin
 * @throws SidecarError `SIDECAR_BROKER_UNAVAILABLE` with what each of them said
 */
export async function openModel(
  settings: AmqpSettings,
  name: string,
  first: number,
  signal: AbortSignal,
): Promise<OpenModel> {
  const amqplib = await loadAmqplib()
  const { addresses, tls, connectTimeoutMs } = settings
  const said: string[] = []
  for (let tried = 0; tried < addresses.length; tried++) {
    const at = (first + tried) % addresses.length
    const socket: SocketOptions = {
      ...(tls !== false && tls),
      ...{ noDelay: true, keepAlive: true, clientProperties: { connection_name: name } },
      timeout: connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    }
    const opening = amqplib.connect(optionsOf(settings, at), socket)
    try {
      const model = await unlessAborted(opening, signal)
      writeTogether(model)
      return { model, at, url: urlOf(settings, at) }
    } catch (error) {
      // It may open after all.
      if (signal.aborted) opening.then(closeModel, () => {})
      signal.throwIfAborted()
      said.push(`${urlOf(settings, at)}: ${mask(reasonOf(error))}`)
    }
  }
  throw new SidecarError('SIDECAR_BROKER_UNAVAILABLE', said.join('; '))
}

function optionsOf(settings: AmqpSettings, at: number): Options.Connect {
  const { addresses, tls, username, password, vhost, heartbeatSeconds } = settings
  const { host, port } = addresses[at]!
  return {
    ...{ protocol: tls === false ? 'amqp' : 'amqps', hostname: host, port, username, password },
    // amqplib decodes it, as if it were of a URL.
    vhost: encodeURIComponent(vhost),
    ...(heartbeatSeconds !== undefined && { heartbeat: heartbeatSeconds }),
  }
}

/** What an error of amqplib or of the socket says; one of several addresses of a host name has no text of its own. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ')
  return messageOf(error).replace(
    /^(?:Handshake terminated by server|Connection closed|Channel closed by server): /,
    '',
  )
}

/**
 * amqplib writes each frame by itself, which is a system call each: half of what an event costs. Those of the same moment are written
 * together.
 */
function writeTogether(model: ChannelModel): void {
  const stream = streamOf(model)
  if (stream === undefined) return
  const { write } = stream
  let held = false
  const release = () => {
    held = false
    stream.uncork()
  }
  stream.write = function (...args: unknown[]) {
    if (!held) {
      held = true
      stream.cork()
      process.nextTick(release)
    }
    return Reflect.apply(write, stream, args) as boolean
  }
}

/** The socket, which the types of amqplib leave out. */
function streamOf({ connection }: ChannelModel): Duplex | undefined {
  return (connection as { readonly stream?: Duplex }).stream
}

/** Says goodbye, and does not wait long for the answer. What was written to its channels must have been awaited. */
export async function closeModel(model: ChannelModel): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      streamOf(model)?.destroy()
      resolve()
    }, CLOSE_TIMEOUT_MS)
  })
  await Promise.race([model.close().catch(() => {}), late])
  clearTimeout(timer)
}
