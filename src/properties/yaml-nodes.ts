import { EVENT_ID, SCALAR_STYLE, type Event, type ScalarEvent } from 'js-yaml'
import type { Sliced } from '../util/slices.js'
import type { YamlEvents } from './yaml-events.js'
import { javaScalar, yamlScalar, type Scalar } from './scalar.js'

/** js-yaml's events put together: nodes that know their place, aliases that share what they name. */

export type YamlNode = ScalarNode | ListNode | MapNode
interface ScalarNode {
  kind: 'scalar'
  text: string
  value: Scalar
  plain: boolean
  java?: number | boolean
  at: number
}
interface ListNode {
  kind: 'list'
  items: YamlValue[]
  at: number
}
export interface MapNode {
  kind: 'map'
  pairs: { name: string; at: number; merge: boolean; node: YamlValue }[]
  at: number
}
/** What stands at one place. */
export type YamlValue = { node: YamlNode; aliased: boolean }

/** Where the reading stands. */
export interface EventReader {
  readonly source: string
  readonly events: YamlEvents
  at: number
  readonly fail: (at: number, reason: string) => never
}

/** How many nodes are put together between two chances to let the event loop turn. */
const STEP = 200

/** The next node; `reader` stands behind it afterwards. */
export function* composing(reader: EventReader, anchors: Map<string, YamlNode>): Sliced<YamlValue> {
  const small = withoutChildren(reader, anchors)
  if (small) return small
  const event = reader.events.at(reader.at++) as Extract<Event, { start: number }>
  const tag = tagOf(reader, event)
  if (tag && !/^!(?:!(?:map|seq))?$/.test(tag)) reader.fail(event.tagStart, `the tag ${tag} is not accepted`)
  const node: ListNode | MapNode =
    event.type === EVENT_ID.SEQUENCE
      ? { kind: 'list', items: [], at: event.start }
      : { kind: 'map', pairs: [], at: event.start }
  anchor(reader, event, anchors, node)
  if (node.kind === 'map') {
    yield* composingPairs(reader, anchors, node)
  } else {
    while (reader.events.at(reader.at).type !== EVENT_ID.POP) {
      if (node.items.length % STEP === STEP - 1) yield
      const small = withoutChildren(reader, anchors)
      node.items.push(small === undefined ? yield* composing(reader, anchors) : small)
    }
  }
  reader.at++
  return { node, aliased: false }
}

/** A scalar, an alias, or nothing at all; `undefined` for a list or a map. */
function withoutChildren(reader: EventReader, anchors: Map<string, YamlNode>): YamlValue | undefined {
  const event = reader.events.at(reader.at)
  switch (event.type) {
    case EVENT_ID.ALIAS: {
      reader.at++
      const name = reader.source.slice(event.anchorStart, event.anchorEnd)
      const node =
        anchors.get(name) ?? reader.fail(event.anchorStart - 1, `there is no anchor &${name} above this alias`)
      return { node, aliased: true }
    }
    case EVENT_ID.DOCUMENT:
    case EVENT_ID.POP:
      // A document without any node.
      return { node: { kind: 'scalar', text: '', value: null, plain: true, at: 0 }, aliased: false }
    case EVENT_ID.SCALAR: {
      reader.at++
      const node = scalar(reader, event, tagOf(reader, event))
      anchor(reader, event, anchors, node)
      return { node, aliased: false }
    }
    default:
      return undefined
  }
}

type Anchored = { tagStart: number; tagEnd: number; anchorStart: number; anchorEnd: number }

function tagOf({ source }: EventReader, { tagStart, tagEnd }: Anchored): string {
  return tagStart < 0 ? '' : source.slice(tagStart, tagEnd)
}

function anchor({ source }: EventReader, event: Anchored, anchors: Map<string, YamlNode>, node: YamlNode): void {
  if (event.anchorStart >= 0) anchors.set(source.slice(event.anchorStart, event.anchorEnd), node)
}

function* composingPairs(reader: EventReader, anchors: Map<string, YamlNode>, map: MapNode): Sliced<void> {
  const seen = new Map<string, number>()
  for (;;) {
    const event = reader.events.at(reader.at)
    if (event.type === EVENT_ID.POP) return
    if (map.pairs.length % STEP === STEP - 1) yield
    const smallKey = withoutChildren(reader, anchors)
    const { node: key } = smallKey === undefined ? yield* composing(reader, anchors) : smallKey
    if (key.kind !== 'scalar') return reader.fail(key.at, 'a list or a map cannot be a key')
    const at = event.type === EVENT_ID.SCALAR && event.valueStart >= 0 ? event.valueStart : key.at
    const first = seen.get(key.text)
    if (first !== undefined) {
      const line = reader.source.slice(0, first).split('\n').length
      return reader.fail(at, `the key "${key.text}" is duplicated: first in line ${line}`)
    }
    seen.set(key.text, at)
    const small = withoutChildren(reader, anchors)
    const node = small === undefined ? yield* composing(reader, anchors) : small
    map.pairs.push({ name: key.text, at, merge: key.plain && key.text === '<<', node })
  }
}

function scalar(reader: EventReader, event: ScalarEvent, tag: string): ScalarNode {
  const text = event.valueStart < 0 ? '' : reader.events.textOf(reader.source, event)
  const plain = event.style === SCALAR_STYLE.PLAIN
  const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED
  const at = event.valueStart < 0 ? lastPlace(reader) : event.valueStart - (quoted ? 1 : 0)
  switch (tag) {
    case '':
      return { kind: 'scalar', text, ...(plain ? plainValue(text) : { value: text }), plain, at }
    case '!':
    case '!!str':
      return { kind: 'scalar', text, value: text, plain: false, at }
    case '!!int':
    case '!!float':
    case '!!bool':
    case '!!null':
      return { kind: 'scalar', text, value: yamlScalar(text), plain: true, at }
    default:
      return reader.fail(event.tagStart, `the tag ${tag} is not accepted`)
  }
}

/** A number that Java reads as another one (`0123`) is text here, so that it is not read as a different number. */
function plainValue(text: string): { value: Scalar; java?: number | boolean } {
  const value = yamlScalar(text)
  const java = javaScalar(text)
  if (java === undefined || java === value) return { value }
  return { value: typeof value === 'number' ? text : value, java }
}

/** An empty value has no place of its own: the place of its key is used. */
function lastPlace(reader: EventReader): number {
  const before = reader.at >= 2 ? reader.events.at(reader.at - 2) : undefined
  return before?.type === EVENT_ID.SCALAR ? Math.max(before.valueStart, 0) : 0
}
