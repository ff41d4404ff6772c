// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

import type { AuthSettings } from './auth.js'
import type { FeignClientSettings } from './feign.js'
import type { ManagementSettings } from './management.js'
import type { NacosSettings } from './nacos.js'
import type { SidecarSettings } from './sidecar.js'

/** bootstrap.yml with every default filled in; frozen. Durations are milliseconds. */
export interface Settings {
  readonly server: {
    /**
     * Port that the app listens on. The app reads it: `configLocal('server.port', 9202)`.
     * @default the port the app listens on
     */
    readonly port?: number | undefined
    /**
     * Address that the app listens on. `defineService` reads it; another app reads it itself: `configLocal('server.address', '::')`.
     * @default every address
     */
    readonly address?: string | undefined
  }
  readonly application: {
    /**
     * Name of the service, required to register; also the data id of its own documents.
     * @default the name in package.json
     */
    readonly name?: string | undefined
    /** Value of `auth.code`, if that is not set. */
    readonly code?: string | undefined
  }
  readonly profiles: {
    /**
     * Active profiles, separated by commas; a later one is stronger.
     * @default none
     */
    readonly active: readonly string[]
    /**
     * Further profiles; the active ones are stronger.
     * @default none
     */
    readonly include: readonly string[]
    /** Profiles that a profile activates: `prod: [proddb, prodmq]`. Members may have groups of their own. */
    readonly group: {
      readonly [name: string]: readonly string[]
    }
  }
  readonly config: {
    /**
     * Further documents to read, separated by commas or semicolons. From Nacos:
     * `[optional:]nacos:data-id?group=&refreshEnabled=&preference=`; then no other document of Nacos is loaded. Files:
     * `[optional:]file:`, `classpath:` (beside the main file), `configtree:`. Each is just stronger than the document
     * that imports it.
     */
    readonly import: readonly string[]
  }
  readonly cloud: {
    readonly nacos: NacosSettings
    readonly discovery: {
      /** `false` registers no instance, as `cloud.nacos.discovery.register-enabled: false` does; calls by name still work. */
      readonly enabled: boolean
    }
    readonly serviceRegistry: {
      readonly autoRegistration: {
        /** `false` registers no instance, as `cloud.nacos.discovery.register-enabled: false` does. */
        readonly enabled: boolean
      }
    }
    /** How the registered address is chosen, with Spring's keys. */
    readonly inetutils: {
      /** As `cloud.nacos.discovery.preferred-networks`, which is tried first. */
      readonly preferredNetworks: readonly string[]
      /** Regular expressions: an interface whose whole name matches one of them is ignored. */
      readonly ignoredInterfaces: readonly string[]
      /** `true` uses private addresses only. */
      readonly useOnlySiteLocalInterfaces: boolean
      /**
       * Address to use if this machine has no other.
       * @default 127.0.0.1
       */
      readonly defaultIpAddress?: string | undefined
    }
  }
  readonly auth: AuthSettings
  readonly feign: {
    /** Keyed by the name of the service; `default` applies to all services. */
    readonly client: {
      readonly [name: string]: FeignClientSettings
    }
  }
  readonly sidecar: SidecarSettings
  readonly management: ManagementSettings
  readonly logging: {
    /**
     * Log levels by name; the sidecar's is `nacos-sidecar`: debug, info, warn, error or silent. Read live.
     * @default info
     */
    readonly level: {
      readonly [name: string]: 'error' | 'info' | 'debug' | 'warn' | 'silent'
    }
    /** `text`: a sentence a line. `json`: one object a line with `time`, `level`, `message`, fields and `traceId`. Not for a logger of your own. */
    readonly format: 'json' | 'text'
  }
}
