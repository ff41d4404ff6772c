import * as z from 'zod'
import { flag, integer, list, section, stringMap, text } from '../kinds.js'

/** A path of the pages: with a slash before it and none behind it; `/` and nothing are the root. */
const basePath = text.transform((value, context) => {
  const path = value.trim().replace(/\/+$/, '')
  if (path === '' || /^\/[\w.~/-]+$/.test(path)) return path
  context.addIssue({ code: 'custom', message: 'expected a path such as /actuator' })
  return z.NEVER
})

/** `management`: Spring Boot's own keys for the pages of `/actuator`. All but `server` and `base-path` are read live. */
export const management = section({
  server: section({
    /**
     * Port of a server of its own for the pages, the health pages too; 0 is any free one. -1 answers the health pages alone.
     * @default the pages are on the app's server
     */
    port: integer(-1, 65535).optional(),
    /** Address that this server listens on. Takes effect with a port of its own. @default every address */
    address: text.optional(),
    /** Path before all paths of this server. */
    basePath: basePath.default(''),
  }).prefault({}),
  endpoints: section({
    web: section({
      /** Path that the pages are below. The health pages stay below `/actuator` as well. */
      basePath: basePath.default('/actuator'),
      exposure: section({
        /**
         * Pages that are answered: `info`, `metrics`, `prometheus`, `loggers`, or `*`; the health pages always are.
         * @default all of them with `auth.enabled` and on a port of their own, else none
         */
        include: list.optional(),
        /** Pages that are not answered; stronger than `include`. */
        exclude: list.default([]),
      }).prefault({}),
    }).prefault({}),
  }).prefault({}),
  info: section({
    env: section({
      /** `true` shows the keys below `info` on the page `info`. Unlike Spring, they are shown unless this is `false`. */
      enabled: flag.default(true),
    }).prefault({}),
  }).prefault({}),
  metrics: section({
    /** Tags of every metric. Without `application` here, it is the value of `application.name`. */
    tags: stringMap.default({}),
    distribution: section({
      /** `http.server.requests: true` and `http.client.requests: true` add the buckets of Micrometer's histogram. */
      percentilesHistogram: z.record(z.string(), flag).default({}),
      /** Further buckets: `http.server.requests: 100ms, 500ms`. */
      slo: stringMap.default({}),
    }).prefault({}),
  }).prefault({}),
})
