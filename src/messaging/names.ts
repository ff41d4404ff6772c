import { SidecarError } from '../errors.js'
import type { EventMode, QueueOfTopic, Topic } from './broker.js'

/** Of names in AMQP. */
const MAX_BYTES = 255
/** What a broker puts behind the name of a queue: `.retry-2147483647`. */
const SUFFIX_BYTES = 20

export const invalid = (where: string, why: string) => new SidecarError('SIDECAR_EVENT_INVALID', `${where}: ${why}`)

/** The exchange of the events of a service, as Nameko names it. */
export function exchangeName(source: string): string {
  return `${source}.events`
}

/**
 * @param where for the message: `bus.emit`
 * @throws SidecarError `SIDECAR_EVENT_INVALID`
 */
export function checkTopic(where: string, source: unknown, type: unknown): Topic {
  const topic = { source: checkPart(where, 'source', source), type: checkPart(where, 'type', type) }
  if (/^amq(?:\.|$)/i.test(topic.source)) throw invalid(where, 'a source that begins with "amq." is reserved by AMQP')
  if (/[*#]/.test(topic.type))
    throw invalid(where, `the type "${topic.type}" has * or #, which topic routing reads as a pattern`)
  checkLength(where, 'the exchange', exchangeName(topic.source), 0)
  checkLength(where, 'the type', topic.type, 0)
  return topic
}

/** @throws SidecarError `SIDECAR_EVENT_INVALID` */
export function checkPart(where: string, what: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '')
    throw invalid(where, `${what} is text that is not empty, got ${typeof value === 'string' ? '""' : typeof value}`)
  if (/[\u0000-\u001f\u007f]/.test(value)) throw invalid(where, `${what} has control characters`)
  return value
}

/**
 * Text that AMQP carries beside the body.
 *
 * @throws SidecarError `SIDECAR_EVENT_INVALID`
 */
export function checkShort(where: string, what: string, value: unknown): string {
  const text = checkPart(where, what, value)
  checkLength(where, what, text, 0)
  return text
}

/** What takes the events of a topic. */
export interface HandlerName {
  readonly service: string
  readonly handler: string
  /** Of this process, for `broadcast`: another one at each start. */
  readonly instance: string
}

/**
 * Names of queues as Nameko has them.
 *
 * @throws SidecarError `SIDECAR_EVENT_INVALID`
 */
export function queueOf(where: string, topic: Topic, mode: EventMode, name: HandlerName): QueueOfTopic {
  const { source, type } = topic
  const singleton = `evt-${source}-${type}`
  const pool = `${singleton}--${name.service}.${name.handler}`
  const lasting = mode === 'singleton' ? singleton : pool
  const queue = mode === 'broadcast' ? `${pool}-${name.instance}` : lasting
  checkLength(where, 'the queue', queue, SUFFIX_BYTES)
  return { ...topic, mode, name: queue, deadLetters: `${lasting}.dead` }
}

function checkLength(where: string, what: string, text: string, reserved: number): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_BYTES - reserved)
    throw invalid(where, `${what} "${text.slice(0, 60)}…" has ${bytes} bytes; at most ${MAX_BYTES - reserved} fit`)
}
