import { messageOf } from '../errors.js'
import { DocumentError } from './document-error.js'
import type { PropertyEntry } from './document.js'
import { formatPath, relaxed, type PropertyPath } from './path.js'
import { profilesMatch } from './profiles.js'

/** One `---` document, and when it counts. */
export interface Section {
  readonly entries: readonly PropertyEntry[]
  /** The profiles it is for; `undefined`: for all. */
  readonly profiles: readonly PropertyEntry[] | undefined
}

const PROFILES = 'config.activate.onprofile'
const PLATFORM = 'config.activate.oncloudplatform'
/** The old way to say it; `spring.profiles.active` is another matter and keeps its path. */
const OLD_PROFILES = 'profiles'
const FIRST = new Set(['config', OLD_PROFILES])
/** `config.activate.on-profile[0]` */
const LONGEST = 4

/**
 * The `---` documents that this platform is meant by, without what they say of when they count.
 *
 * @param ours whether a `profiles` without `spring.` can only be the old word for profiles.
 */
export function sectionsOf(documents: readonly (readonly PropertyEntry[])[], ours: boolean): Section[] {
  return documents.flatMap((all) => {
    const [platforms, entries] = partition(all, (entry) => plainName(entry.path) === PLATFORM)
    if (platforms.some((entry) => entry.text.toLowerCase() !== currentPlatform())) return []
    const [profiles, others] = partition(entries, (entry) => saysProfiles(entry, ours))
    return [{ entries: others, profiles: profiles.length > 0 ? profiles : undefined }]
  })
}

/** @throws DocumentError for a malformed profile expression. */
export function isActive({ profiles }: Section, active: readonly string[], name: string): boolean {
  if (!profiles) return true
  const expressions = profiles.flatMap((entry) => entry.text.split(',').map((part) => part.trim()))
  try {
    return profilesMatch(expressions.filter(Boolean), orDefault(active))
  } catch (error) {
    const { line, column } = profiles[0]!
    throw new DocumentError(name, messageOf(error), line, column)
  }
}

/** `default` is Spring's name for "no profile". */
export function orDefault(active: readonly string[]): readonly string[] {
  return active.length > 0 ? active : ['default']
}

function saysProfiles({ path, key }: PropertyEntry, ours: boolean): boolean {
  const name = plainName(typeof path.at(-1) === 'number' ? path.slice(0, -1) : path)
  return name === PROFILES || (name === OLD_PROFILES && (ours || /^spring\b/i.test(key)))
}

/** In lower case and without dashes; of other keys, which may be many thousands, no more than is needed to tell them apart. */
function plainName(path: PropertyPath): string {
  if (path.length > LONGEST || !FIRST.has(relaxed(String(path[0])))) return ''
  return formatPath(path.map((part) => (typeof part === 'string' ? relaxed(part) : part)))
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  const [those, others]: [T[], T[]] = [[], []]
  for (const item of items) (test(item) ? those : others).push(item)
  return [those, others]
}

function currentPlatform(): string {
  return process.env['KUBERNETES_SERVICE_HOST'] ? 'kubernetes' : 'none'
}
