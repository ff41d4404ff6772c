import { z } from 'zod'
import { list, logLevel, port, section, text } from './kinds.js'
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
  server: section({ port: port.optional() }).prefault({}),
  application: section({ name: text.optional(), code: text.optional() }).prefault({}),
  /** Included ones go before those that are active, which are stronger. */
  profiles: section({ active: list.default([]), include: list.default([]) }).prefault({}),
  config: section({ import: list.default([]) }).prefault({}),
  cloud: section({ nacos: nacos.prefault({}) }).prefault({}),
  auth: auth.prefault({}),
  feign: section({ client: z.record(z.string(), feignClient).default({}) }).prefault({}),
  sidecar: sidecar.prefault({}),
  logging: section({ level: z.record(z.string(), logLevel).default({}) }).prefault({}),
})

type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** bootstrap.yml with every default filled in; frozen. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>
export type NacosSettings = Settings['cloud']['nacos']
export type DiscoverySettings = NacosSettings['discovery']
export type ConfigSettings = NacosSettings['config']
export type AuthSettings = Settings['auth']
export type SidecarSettings = Settings['sidecar']
export type EjectionSettings = SidecarSettings['ejection']
export type FeignClientSettings = DeepReadonly<z.output<typeof feignClient>>
