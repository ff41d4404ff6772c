import type { Sliced } from '../util/slices.js'
import { formatPath, type PropertyPath } from './path.js'
import { hasPlaceholder } from './placeholders.js'
import type { PropertyView } from './view.js'

/** The views of a store whose values can change. */
interface ChangingViews {
  readonly all: PropertyView
  readonly local: PropertyView
  readonly remote: PropertyView
}

/** How much is done between two chances to let the event loop turn. */
const STEP = 50

/** The properties whose value differs, by key. A list changes as a whole: its key, not those of its items. */
export function* changedPaths(before: ChangingViews, after: ChangingViews): Sliced<Map<string, PropertyPath>> {
  const changed = new Map<string, PropertyPath>()
  const seen = new Set<string>()
  let count = 0
  for (const path of mayDiffer(before, after)) {
    if (++count % STEP === 0) yield
    const key = formatPath(path)
    if (seen.has(key)) continue
    seen.add(key)
    if (!(yield* isSameValue(before.all, after.all, path))) changed.set(key, path)
  }
  return changed
}

/** What the remote documents say, and what the files on disk make of it by placeholders. */
function* mayDiffer(before: ChangingViews, after: ChangingViews): Generator<PropertyPath> {
  for (const { remote } of [before, after]) for (const { path } of remote.tree.wholes()) yield path
  for (const { path, entry } of after.local.tree.leaves()) {
    const item = path.findIndex((segment) => typeof segment === 'number')
    if (hasPlaceholder(entry.text)) yield item < 0 ? path : path.slice(0, item)
  }
}

function* isSameValue(before: PropertyView, after: PropertyView, path: PropertyPath): Sliced<boolean> {
  const others = after.pieces(path)
  let count = 0
  for (const piece of before.pieces(path)) {
    if (++count % STEP === 0) yield
    const other = others.next()
    if (other.done || !Object.is(piece, other.value)) return false
  }
  return others.next().done === true
}
