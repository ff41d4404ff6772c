import { EVENT_ID, SCALAR_STYLE, getScalarValue, type Event, type ScalarEvent } from 'js-yaml'
import { yamlScalar, type Scalar } from './scalar.js'

/** js-yaml's events put together: nodes that know their place, aliases that share what they name. */

export type YamlNode = ScalarNode | ListNode | MapNode
interface ScalarNode {
  kind: 'scalar'
  text: string
  value: Scalar
  plain: boolean
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
  readonly events: Event[]
  at: number
  readonly fail: (at: number, reason: string) => never
}

/** The next node; `reader` stands behind it afterwards. */
export function compose(reader: EventReader, anchors: Map<string, YamlNode>): YamlValue {
  const event = reader.events[reader.at++]!
  if (event.type === EVENT_ID.ALIAS) {
    const name = reader.source.slice(event.anchorStart, event.anchorEnd)
    const node = anchors.get(name) ?? reader.fail(event.anchorStart - 1, `there is no anchor &${name} above this alias`)
    return { node, aliased: true }
  }
  if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP) {
    // A document without any node.
    reader.at--
    return { node: { kind: 'scalar', text: '', value: null, plain: true, at: 0 }, aliased: false }
  }
  const tag = event.tagStart < 0 ? '' : reader.source.slice(event.tagStart, event.tagEnd)
  const node: YamlNode =
    event.type === EVENT_ID.SCALAR
      ? scalar(reader, event, tag)
      : event.type === EVENT_ID.SEQUENCE
        ? { kind: 'list', items: [], at: event.start }
        : { kind: 'map', pairs: [], at: event.start }
  if (node.kind !== 'scalar' && tag && !/^!(?:!(?:map|seq))?$/.test(tag))
    reader.fail(event.tagStart, `the tag ${tag} is not accepted`)
  if (event.anchorStart >= 0) anchors.set(reader.source.slice(event.anchorStart, event.anchorEnd), node)

  if (node.kind === 'list') {
    while (reader.events[reader.at]!.type !== EVENT_ID.POP) node.items.push(compose(reader, anchors))
    reader.at++
  } else if (node.kind === 'map') {
    composePairs(reader, anchors, node)
    reader.at++
  }
  return { node, aliased: false }
}

function composePairs(reader: EventReader, anchors: Map<string, YamlNode>, map: MapNode): void {
  const seen = new Map<string, number>()
  while (reader.events[reader.at]!.type !== EVENT_ID.POP) {
    const event = reader.events[reader.at]!
    const { node: key } = compose(reader, anchors)
    if (key.kind !== 'scalar') return reader.fail(key.at, 'a list or a map cannot be a key')
    const at = event.type === EVENT_ID.SCALAR && event.valueStart >= 0 ? event.valueStart : key.at
    const first = seen.get(key.text)
    if (first !== undefined) {
      const line = reader.source.slice(0, first).split('\n').length
      return reader.fail(at, `the key "${key.text}" is there twice: first in line ${line}`)
    }
    seen.set(key.text, at)
    map.pairs.push({ name: key.text, at, merge: key.plain && key.text === '<<', node: compose(reader, anchors) })
  }
}

function scalar(reader: EventReader, event: ScalarEvent, tag: string): ScalarNode {
  const text = event.valueStart < 0 ? '' : getScalarValue(reader.source, event)
  const plain = event.style === SCALAR_STYLE.PLAIN
  const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED
  const at = event.valueStart < 0 ? lastPlace(reader) : event.valueStart - (quoted ? 1 : 0)
  switch (tag) {
    case '':
      return { kind: 'scalar', text, value: plain ? yamlScalar(text) : text, plain, at }
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

/** An empty value has no place of its own: that of its key stands for it. */
function lastPlace(reader: EventReader): number {
  const before = reader.events[reader.at - 2]
  return before?.type === EVENT_ID.SCALAR ? Math.max(before.valueStart, 0) : 0
}
