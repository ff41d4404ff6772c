import type { Logger } from '../logger.js'

interface Named {
  readonly name: string
}

/** Why a document is missing. */
export interface Miss {
  /** The failure without the name of the document: those with the same cause are reported together. */
  readonly cause: string
  /** What is used in its place, as a sentence. */
  readonly instead: string
  /** The two as a message for this document alone. */
  readonly message: string
}

/** The documents that the registry did not give at the start. */
export interface MissedDocuments {
  add(document: Named, miss: Miss): void
  /** Logs one line a cause, however many documents are missing for it. */
  report(): void
  /** The registry has sent this document since; logs when it was the last one. */
  loaded(document: Named): void
}

export function createMissedDocuments(logger: Logger): MissedDocuments {
  const missed = new Map<Named, Miss>()

  return {
    add: (document, miss) => void missed.set(document, miss),
    report() {
      for (const cause of new Set([...missed.values()].map((one) => one.cause))) {
        const alike = [...missed].filter(([, one]) => one.cause === cause)
        const [[, first]] = alike as [(typeof alike)[number]]
        if (alike.length === 1) {
          logger.error(first.message)
          continue
        }
        for (const [, { message }] of alike) logger.debug(message)
        const instead = [...new Set(alike.map(([, one]) => one.instead))]
        const said =
          instead.length === 1
            ? first.instead.replace('It is', 'They are')
            : alike.map(([{ name }, one]) => `${name}: ${one.instead}`).join(', ')
        const names = alike.map(([{ name }]) => name).join(', ')
        logger.error(
          `${alike.length} configs could not be loaded (${names}): ${cause}. ${said}; the documents of Nacos are applied when the registry is back`,
        )
      }
    },
    loaded(document) {
      if (missed.delete(document) && missed.size === 0)
        logger.info('every config that could not be loaded at the start is available now')
    },
  }
}
