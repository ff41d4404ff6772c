// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

/** The settings below `management`. */
export interface ManagementSettings {
  readonly server: {
    /** Path before all paths of this server. */
    readonly basePath: string
    /**
     * Port of a server of its own for the pages, the health pages too; 0 is any free one. -1 answers the health pages alone.
     * @default the pages are on the app's server
     */
    readonly port?: number | undefined
    /**
     * Address that this server listens on. Takes effect with a port of its own.
     * @default every address
     */
    readonly address?: string | undefined
  }
  readonly endpoints: {
    readonly web: {
      /** Path that the pages are below. The health pages stay below `/actuator` as well. */
      readonly basePath: string
      readonly exposure: {
        /** Pages that are not answered; stronger than `include`. */
        readonly exclude: readonly string[]
        /**
         * Pages that are answered: `info`, `metrics`, `prometheus`, `loggers`, or `*`; the health pages always are.
         * @default all of them with `auth.enabled` and on a port of their own, else none
         */
        readonly include?: readonly string[] | undefined
      }
    }
  }
  readonly info: {
    readonly env: {
      /** `true` shows the keys below `info` on the page `info`. Unlike Spring, they are shown unless this is `false`. */
      readonly enabled: boolean
    }
  }
  readonly metrics: {
    /** Tags of every metric. Without `application` here, it is the value of `application.name`. */
    readonly tags: {
      readonly [name: string]: string
    }
    readonly distribution: {
      /** `http.server.requests: true` and `http.client.requests: true` add the buckets of Micrometer's histogram. */
      readonly percentilesHistogram: {
        readonly [name: string]: boolean
      }
      /** Further buckets: `http.server.requests: 100ms, 500ms`. */
      readonly slo: {
        readonly [name: string]: string
      }
    }
  }
}
