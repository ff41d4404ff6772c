import * as z from 'zod'
import { flag, list, logLevel, oneOf, port, section, text } from './kinds.js'
import { auth } from './schema/auth.js'
import { feignClient } from './schema/feign.js'
import { management } from './schema/management.js'
import { nacos } from './schema/nacos.js'
import { sidecar } from './schema/sidecar.js'
import type { Settings } from './types/settings.js'

/**
 * bootstrap.yml as Spring writes it, keys in camelCase, one schema for types, defaults, errors and the published
 * bootstrap.schema.json. A setting is read under the very path it is written under:
 * `settings.cloud.nacos.discovery.heartBeatInterval`. Durations are milliseconds; YAML may also say `10s` or `2m`.
 */
export const settingsSchema = section({
  server: section({
    /** Port that the app listens on. The app reads it: `configLocal('server.port', 9202)`. @default the port the app listens on */
    port: port.optional(),
    /**
     * Address that the app listens on. `defineService` reads it; another app reads it itself: `configLocal('server.address', '::')`.
     * @default every address
     */
    address: text.optional(),
  }).prefault({}),
  application: section({
    /** Name of the service, required to register; also the data id of its own documents. @default the name in package.json */
    name: text.optional(),
    /** Value of `auth.code`, if that is not set. */
    code: text.optional(),
  }).prefault({}),
  profiles: section({
    /** Active profiles, separated by commas; a later one is stronger. @default none */
    active: list.default([]),
    /** Further profiles; the active ones are stronger. @default none */
    include: list.default([]),
    /** Profiles that a profile activates: `prod: [proddb, prodmq]`. Members may have groups of their own. */
    group: z.record(z.string(), list).default({}),
  }).prefault({}),
  config: section({
    /**
     * Further documents to read, separated by commas or semicolons. From Nacos:
     * `[optional:]nacos:data-id?group=&refreshEnabled=&preference=`; then no other document of Nacos is loaded. Files:
     * `[optional:]file:`, `classpath:` (beside the main file), `configtree:`. Each is just stronger than the document
     * that imports it.
     */
    import: list.default([]),
  }).prefault({}),
  cloud: section({
    nacos: nacos.prefault({}),
    discovery: section({
      /** `false` registers no instance, as `cloud.nacos.discovery.register-enabled: false` does; calls by name still work. */
      enabled: flag.default(true),
    }).prefault({}),
    serviceRegistry: section({
      autoRegistration: section({
        /** `false` registers no instance, as `cloud.nacos.discovery.register-enabled: false` does. */
        enabled: flag.default(true),
      }).prefault({}),
    }).prefault({}),
    /** How the registered address is chosen, with Spring's keys. */
    inetutils: section({
      /** As `cloud.nacos.discovery.preferred-networks`, which is tried first. */
      preferredNetworks: list.default([]),
      /** Regular expressions: an interface whose whole name matches one of them is ignored. */
      ignoredInterfaces: list.default([]),
      /** `true` uses private addresses only. */
      useOnlySiteLocalInterfaces: flag.default(false),
      /** Address to use if this machine has no other. @default 127.0.0.1 */
      defaultIpAddress: text.optional(),
    }).prefault({}),
  }).prefault({}),
  auth: auth.prefault({}),
  feign: section({
    /** Keyed by the name of the service; `default` applies to all services. */
    client: z.record(z.string(), feignClient).default({}),
  }).prefault({}),
  sidecar: sidecar.prefault({}),
  management: management.prefault({}),
  logging: section({
    /** Log levels by name; the sidecar's is `nacos-sidecar`: debug, info, warn, error or silent. Read live. @default info */
    level: z.record(z.string(), logLevel).default({}),
    /** `text`: a sentence a line. `json`: one object a line with `time`, `level`, `message`, fields and `traceId`. Not for a logger of your own. */
    format: oneOf('text', 'json').default('text'),
  }).prefault({}),
})

/** zod compiles no parser: settings are parsed once in the life of a process. */
export const PARSED_ONCE = { jitless: true } as const

type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** What the schema makes of bootstrap.yml. `npm run schema` writes it out as `Settings`, which needs no zod to be read. */
export type ParsedSettings = DeepReadonly<z.output<typeof settingsSchema>>

export type { AlertSettings } from './types/alerts.js'
export type { AuthSettings } from './types/auth.js'
export type { ConfigSettings } from './types/config.js'
export type { ConnectionSettings } from './types/connection.js'
export type { DiscoverySettings } from './types/discovery.js'
export type { EjectionSettings } from './types/ejection.js'
export type { EventsSettings } from './types/events.js'
export type { FeignClientSettings } from './types/feign.js'
export type { ManagementSettings } from './types/management.js'
export type { NacosSettings } from './types/nacos.js'
export type { ObserveSettings } from './types/observe.js'
export type { Settings } from './types/settings.js'
export type { SidecarSettings } from './types/sidecar.js'
export type InetSettings = Settings['cloud']['inetutils']
