import { z } from 'zod'
import { flag, list, logLevel, port, section, text } from './kinds.js'
import { auth } from './schema/auth.js'
import { feignClient } from './schema/feign.js'
import { nacos } from './schema/nacos.js'
import { sidecar } from './schema/sidecar.js'

/**
 * bootstrap.yml as Spring writes it, keys in camelCase, one schema for types, defaults, errors and the published
 * bootstrap.schema.json. A setting is read under the very path it is written under:
 * `settings.cloud.nacos.discovery.heartBeatInterval`. Durations are milliseconds; YAML may also say `10s` or `2m`.
 */
export const settingsSchema = section({
  server: section({
    /** The port the app listens on: read it with `configLocal('server.port', 9202)`. @default what the app says */
    port: port.optional(),
  }).prefault({}),
  application: section({
    /** The service's name, needed to register; also the data id of its own configs. @default the name in package.json */
    name: text.optional(),
    /** What `auth.code` is where that is left out. */
    code: text.optional(),
  }).prefault({}),
  profiles: section({
    /** Several, separated by commas; the later one is stronger. @default none */
    active: list.default([]),
    /** Taken in as well; those that are active are stronger. @default none */
    include: list.default([]),
    /** Profiles that come with one: `prod: [proddb, prodmq]`. Members may have groups of their own. */
    group: z.record(z.string(), list).default({}),
  }).prefault({}),
  config: section({
    /**
     * What to read as well, separated by commas or semicolons: documents in Nacos,
     * `[optional:]nacos:data-id?group=&refreshEnabled=&preference=`, which then are the only ones that are pulled, and
     * files, `[optional:]file:`, `classpath:` (beside the main file) and `configtree:`. Each stands just above the
     * document that imports it.
     */
    import: list.default([]),
  }).prefault({}),
  cloud: section({
    nacos: nacos.prefault({}),
    discovery: section({
      /** `false` registers nothing, as `cloud.nacos.discovery.register-enabled: false`; calls by name still work. */
      enabled: flag.default(true),
    }).prefault({}),
    serviceRegistry: section({
      autoRegistration: section({
        /** `false` registers nothing, as `cloud.nacos.discovery.register-enabled: false`. */
        enabled: flag.default(true),
      }).prefault({}),
    }).prefault({}),
    /** How the address that callers are told is chosen, in Spring's own words. */
    inetutils: section({
      /** As `cloud.nacos.discovery.preferred-networks`, which is asked first. */
      preferredNetworks: list.default([]),
      /** Regular expressions: an interface whose whole name matches one is passed over. */
      ignoredInterfaces: list.default([]),
      /** Takes private addresses only. */
      useOnlySiteLocalInterfaces: flag.default(false),
      /** Where this machine has no other address. @default 127.0.0.1 */
      defaultIpAddress: text.optional(),
    }).prefault({}),
  }).prefault({}),
  auth: auth.prefault({}),
  feign: section({
    /** By the name of the service, or `default` for all of them. */
    client: z.record(z.string(), feignClient).default({}),
  }).prefault({}),
  sidecar: sidecar.prefault({}),
  logging: section({
    /** By name; ours is `nacos-sidecar`: debug, info, warn, error or silent. @default info */
    level: z.record(z.string(), logLevel).default({}),
  }).prefault({}),
})

type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** bootstrap.yml with every default filled in; frozen. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>
export type InetSettings = Settings['cloud']['inetutils']
export type NacosSettings = Settings['cloud']['nacos']
export type DiscoverySettings = NacosSettings['discovery']
export type ConfigSettings = NacosSettings['config']
export type AuthSettings = Settings['auth']
export type SidecarSettings = Settings['sidecar']
export type EjectionSettings = SidecarSettings['ejection']
export type FeignClientSettings = DeepReadonly<z.output<typeof feignClient>>
