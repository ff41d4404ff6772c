import type { Sliced } from '../util/slices.js'
import { DocumentError } from './document-error.js'
import { hasPlaceholder } from './placeholders.js'
import { placeOf, type Found, type Problem } from './resolved.js'
import type { PropertyView } from './view.js'

interface ViewsToCheck {
  readonly all: PropertyView
  readonly local: PropertyView
  readonly remote: PropertyView
}

/** How much is done between two chances to let the event loop turn. */
const STEP = 50

/**
 * Resolves every placeholder once.
 *
 * @returns a message for each one that nothing gives a value, and for each number that Java reads as another
 * @throws DocumentError names the document whose placeholders make more than all together may
 */
export function* findProblems({ all, local, remote }: ViewsToCheck): Sliced<readonly string[]> {
  const problems: string[] = []
  let count = 0
  for (const view of [remote, local]) {
    for (const { entry, source, path } of view.tree.leaves()) {
      if (++count % STEP === 0) yield
      if (typeof entry.java === 'number') problems.push(otherNumber({ entry, source }))
      if (!hasPlaceholder(entry.text) || !/^(?:local|remote)$/.test(source.layer)) continue
      if (view === local && all.find(path)?.entry !== entry) continue
      const found = { entry, source }
      const { missing, problem } = yield* all.resolver.resolving(found)
      if (all.resolver.exhaustedBy) throw tooMuch(all.resolver.exhaustedBy, all.resolver.resolve(found).problem)
      const why = [
        ...(problem ? [problem.message] : []),
        ...missing.map((name) => `${name} has no value and no default`),
      ]
      for (const what of why) problems.push(`${placeOf(found)}: ${what} (used in ${entry.key}); it stays as written`)
    }
  }
  return problems
}

function otherNumber(found: Found): string {
  const { key, text, java } = found.entry
  return (
    `${placeOf(found)}: ${key} is ${text} without quotes: ${java} for Java and where a number is asked for, ` +
    'elsewhere the text as written; quote it, or write the number'
  )
}

function tooMuch({ entry, source }: Found, problem: Problem | undefined): DocumentError {
  return new DocumentError(source.name, problem?.message ?? '', entry.line, entry.column)
}
