// Bundles have a createRequire of their own in the banner that CommonJS dependencies need (docs/deployment.md).
import { createRequire as requireFrom } from 'node:module'
import { Worker } from 'node:worker_threads'
import { getScalarValue, parseEvents, YAMLException, type Event, type ScalarEvent } from 'js-yaml'
import { messageOf } from '../errors.js'

/** js-yaml's events, one after the other: as they are, or packed by a worker thread. */
export interface YamlEvents {
  readonly length: number
  at(index: number): Event
  textOf(source: string, event: ScalarEvent): string
}

/** The error of js-yaml. `line` and `column` count from 0; absent where it knows no place. */
export class YamlSyntaxError extends Error {
  constructor(
    readonly reason: string,
    readonly line?: number,
    readonly column?: number,
  ) {
    super(reason)
  }
}

/** js-yaml reads in one go: a text that needs more than a few milliseconds is read by a worker thread. */
export const WORKER_FROM_CHARS = 50_000

/** How deep maps and lists may stand in each other. */
export const MAX_DEPTH = 100

/** No document within `max-bytes` takes a hundredth of it; one that does is refused. */
const WORKER_TIMEOUT_MS = 10_000

/** @throws YamlSyntaxError */
export function readEvents(source: string): YamlEvents {
  try {
    const events = parseEvents(source, { maxDepth: MAX_DEPTH })
    return { length: events.length, at: (index) => events[index]!, textOf: getScalarValue }
  } catch (error) {
    const mark = error instanceof YAMLException ? error.mark : undefined
    throw mark
      ? new YamlSyntaxError((error as YAMLException).reason, mark.line, mark.column)
      : new YamlSyntaxError(messageOf(error))
  }
}

/** The fields of an event, in the order in which the worker packs them; those that a kind does not have are -1. */
const FIELDS = 'type start valueStart valueEnd anchorStart anchorEnd tagStart tagEnd style chomping indent fast'.split(
  ' ',
)

/** The worker also builds longer texts that contain escapes or folds. */
const LONG_TEXT_CHARS = 10_000

/** Needs nothing but js-yaml, so that no bundler has to know of it. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads')
const { parseEvents, getScalarValue } = require(workerData.parser)
try {
  const events = parseEvents(workerData.source, { maxDepth: workerData.maxDepth })
  if (events.length > workerData.maxEvents) {
    parentPort.postMessage({ length: events.length })
  } else {
    const fields = workerData.fields
    const packed = new Int32Array(events.length * fields.length)
    let at = 0
    for (const event of events) for (const field of fields) packed[at++] = Number(event[field] ?? -1)
    const long = ({ fast, valueStart, valueEnd }) => fast === false && valueEnd - valueStart > ${LONG_TEXT_CHARS}
    const texts = events.filter(long).map((event) => [event.valueStart, getScalarValue(workerData.source, event)])
    parentPort.postMessage({ length: events.length, packed, texts }, [packed.buffer])
  }
} catch (error) {
  const { reason, mark } = error
  parentPort.postMessage(mark ? { reason, line: mark.line, column: mark.column } : { reason: error.message })
}
`

interface Answer {
  readonly length?: number
  /** Absent where there are more than `maxEvents`. */
  readonly packed?: Int32Array
  /** Long ones, by where they start. */
  readonly texts?: readonly (readonly [at: number, text: string])[]
  readonly reason?: string
  readonly line?: number
  readonly column?: number
}

/**
 * The same in a worker thread; here where there can be none (a bundle without js-yaml beside it).
 *
 * @returns how many there are where they are more than `maxEvents`
 * @throws YamlSyntaxError
 */
export async function readEventsInWorker(source: string, maxEvents: number): Promise<YamlEvents | number> {
  let answer: Answer
  try {
    answer = await askWorker(source, maxEvents)
  } catch (error) {
    if (error instanceof YamlSyntaxError) throw error
    const events = readEvents(source)
    return events.length > maxEvents ? events.length : events
  }
  if (answer.reason !== undefined) throw new YamlSyntaxError(answer.reason, answer.line, answer.column)
  return answer.packed ? unpacked(answer.packed, new Map(answer.texts)) : answer.length!
}

/** One at a time: several large documents of one start share the processor anyway. */
let queue: Promise<unknown> = Promise.resolve()

function askWorker(source: string, maxEvents: number): Promise<Answer> {
  const answer = queue.then(async () => {
    const parser = requireFrom(import.meta.url).resolve('js-yaml')
    const worker = new Worker(PROGRAM, {
      eval: true,
      workerData: { source, parser, maxEvents, maxDepth: MAX_DEPTH, fields: FIELDS },
      // What this process was started with (loaders, inspectors) is not for it.
      execArgv: [],
      env: {},
    })
    worker.unref()
    const timeout = () => new YamlSyntaxError(`it takes longer than ${WORKER_TIMEOUT_MS} ms to parse`)
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<Answer>((resolve, reject) => {
        timer = setTimeout(() => reject(timeout()), WORKER_TIMEOUT_MS).unref()
        worker.once('message', resolve)
        worker.once('error', reject)
        worker.once('exit', () => reject(new Error('the worker ended')))
      })
    } finally {
      clearTimeout(timer)
      void worker.terminate()
    }
  })
  queue = answer.catch(() => {})
  return answer
}

function unpacked(packed: Int32Array, texts: ReadonlyMap<number, string>): YamlEvents {
  const size = FIELDS.length
  return {
    length: packed.length / size,
    textOf: (source, event) => texts.get(event.valueStart) ?? getScalarValue(source, event),
    at(index) {
      const at = index * size
      const event = {
        type: packed[at],
        start: packed[at + 1],
        valueStart: packed[at + 2],
        valueEnd: packed[at + 3],
        anchorStart: packed[at + 4],
        anchorEnd: packed[at + 5],
        tagStart: packed[at + 6],
        tagEnd: packed[at + 7],
        style: packed[at + 8],
        chomping: packed[at + 9],
        indent: packed[at + 10],
        fast: packed[at + 11] === 1,
      }
      return event as unknown as Event
    },
  }
}
