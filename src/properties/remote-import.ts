import type { PropertyDocument } from './document.js'

/** A `nacos:` document that `spring.config.import` names, and where it stands among the local documents. */
export interface RemoteImport {
  /** `[optional:]nacos:data-id?group=…`, its placeholders resolved. */
  readonly source: string
  /**
   * The local document that it stands just above: the one that imports it. `undefined` where the environment, the
   * command line or code imports it: then it stands above all of them.
   */
  readonly above: PropertyDocument | undefined
  /** Imported for the active profiles only. What all profiles import keeps its place. @default false */
  readonly forProfiles?: boolean
}

/** All documents below the environment, lowest first: a remote one just above its local one, or above all of them. */
export function stackDocuments(
  local: readonly PropertyDocument[],
  remote: readonly PropertyDocument[],
): PropertyDocument[] {
  const placed = new Map<PropertyDocument, PropertyDocument[]>(local.map((document) => [document, []]))
  const top: PropertyDocument[] = []
  for (const document of remote) (placed.get(document.above ?? document) ?? top).push(document)
  return [...[...placed].flatMap(([document, above]) => [document, ...above]), ...top]
}
