import type { Unsubscribe } from '../../types.js'
import { md5Of } from '../followers.js'
import type { ConfigSource, ServiceSource } from '../transport.js'

/** Watches that go on over whichever source there is: by push while the link stands, else by polling. */
export interface Feed<Source> {
  readonly watch: Source
  /** Moves every watch to another source; `undefined`: to none for the moment. */
  setSource(source: Source | undefined): void
  close(): void
}

interface Watch<Source> {
  readonly start: (source: Source) => Unsubscribe
  stop: Unsubscribe | undefined
}

function createFeed<Source>() {
  const watches = new Set<Watch<Source>>()
  let current: Source | undefined

  const restart = (watch: Watch<Source>): void => {
    watch.stop?.()
    watch.stop = current && watch.start(current)
  }

  return {
    follow(start: (source: Source) => Unsubscribe): Unsubscribe {
      const watch: Watch<Source> = { start, stop: undefined }
      watches.add(watch)
      restart(watch)
      return () => {
        if (watches.delete(watch)) watch.stop?.()
      }
    },
    setSource(source: Source | undefined): void {
      current = source
      for (const watch of watches) restart(watch)
    },
    close(): void {
      for (const watch of watches) watch.stop?.()
      watches.clear()
    },
  }
}

/** Each source brings the whole list, so a new one needs to know nothing of the one before it. */
export function createServiceFeed(): Feed<ServiceSource> {
  const { follow, ...rest } = createFeed<ServiceSource>()
  return { watch: (key, listener, onFailure) => follow((source) => source(key, listener, onFailure)), ...rest }
}

/** Each source starts from the MD5 of what the listener holds, so that a change of source loses and repeats nothing. */
export function createConfigFeed(): Feed<ConfigSource> {
  const { follow, ...rest } = createFeed<ConfigSource>()
  return {
    watch(key, knownMd5, listener) {
      let md5 = knownMd5
      return follow((source) =>
        source(key, md5, (item) => {
          md5 = md5Of(item)
          return listener(item)
        }),
      )
    },
    ...rest,
  }
}
