import type * as amqplib from 'amqplib'
import { SidecarError } from '../../errors.js'
import { needsPackage } from '../../util/optional-peer.js'

type Amqplib = typeof amqplib

/** @throws SidecarError `SIDECAR_BROKER_UNAVAILABLE` where it is not installed */
export async function loadAmqplib(): Promise<Amqplib> {
  try {
    const loaded = (await import('amqplib')) as Amqplib & { readonly default?: Amqplib }
    return loaded.default ?? loaded
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error
    throw new SidecarError('SIDECAR_BROKER_UNAVAILABLE', `RabbitMQ ${needsPackage('amqplib@2', error)}`, {
      cause: error,
    })
  }
}

/** The broker has closed a channel, or refused a connection: the codes of AMQP. */
export const ACCESS_REFUSED = 403
export const RESOURCE_LOCKED = 405
export const PRECONDITION_FAILED = 406

/** The code of AMQP in an error of amqplib. */
export function replyCodeOf(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === 'number' ? code : undefined
}
