/** One place that `spring.config.import` or `spring.config.location` names, as Spring writes it. */
export interface ConfigLocation {
  /** As it was written, for messages. */
  readonly source: string
  /** `optional:` stands in front: nothing there is no error. */
  readonly optional: boolean
  /** `nacos`, `file`, `classpath`, `configtree` …; `undefined`: a path, relative to the file that names it. */
  readonly scheme: string | undefined
  /** What follows the scheme. */
  readonly path: string
}

/**
 * `a.yml, optional:nacos:b.yml;nacos:c.yml` → three. Spring separates imports by commas and files of one import by
 * semicolons; no data id holds a semicolon, so it separates here wherever it stands. There is no escape for it.
 *
 * @param text an item of a list, or the whole list as text.
 */
export function parseLocations(text: string): ConfigLocation[] {
  return text
    .split(/[,;]/)
    .map((part) => part.trim())
    .filter(Boolean)
    .map(parseLocation)
}

/** Places of equal rank: those that a semicolon joins. A comma begins a stronger group. */
export function parseLocationGroups(text: string): ConfigLocation[][] {
  return text
    .split(',')
    .map(parseLocations)
    .filter((group) => group.length > 0)
}

function parseLocation(source: string): ConfigLocation {
  const optional = source.startsWith('optional:')
  const rest = optional ? source.slice('optional:'.length) : source
  // A drive of Windows is one letter.
  const [, scheme, path] = /^([a-z][a-z0-9*+.-]+):(.*)$/is.exec(rest) ?? []
  return { source, optional, scheme: scheme?.toLowerCase(), path: path ?? rest }
}
