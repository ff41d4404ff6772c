// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

import type { ConnectionSettings } from './connection.js'

/** The settings below `cloud.nacos.config`. */
export interface ConfigSettings extends ConnectionSettings {
  /** `false` loads no document from Nacos. */
  readonly enabled: boolean
  /** Group of the service's own documents, and of imports without `?group=`. */
  readonly group: string
  /** Extension of the service's own data ids, and format of data ids without an extension. Spring's default is `properties`. */
  readonly fileExtension: string
  /**
   * Shared documents: data ids, or `{ data-id, group, refresh }`. They are the weakest documents; a later one is
   * stronger. With `refresh: true` changes are followed (see also `sidecar.refresh-all`). Without `group` the group is
   * `DEFAULT_GROUP`, not `config.group`. They are not loaded if `config.import` names documents in Nacos.
   */
  readonly sharedConfigs: readonly {
    readonly dataId: string
    readonly group?: string | undefined
    readonly refresh?: boolean | undefined
  }[]
  /** As `shared-configs`; stronger than those, weaker than the service's own documents. */
  readonly extensionConfigs: readonly {
    readonly dataId: string
    readonly group?: string | undefined
    readonly refresh?: boolean | undefined
  }[]
  /** Old name of `extension-configs`; ignored if that is set. */
  readonly extConfig: readonly {
    readonly dataId: string
    readonly group?: string | undefined
    readonly refresh?: boolean | undefined
  }[]
  /** Old form of `shared-configs`: data ids in `DEFAULT_GROUP`, separated by commas. */
  readonly sharedDataids: readonly string[]
  /** Data ids of `shared-dataids` and `shared-configs` whose changes are followed. */
  readonly refreshableDataids: readonly string[]
  /** `false` follows the changes of no document. */
  readonly refreshEnabled: boolean
  /**
   * Whether an imported document (`remote`) or the local file for a profile (`local`) is the stronger one;
   * `?preference=` sets it for one import.
   */
  readonly preference: 'local' | 'remote'
  /** Deadline of loading the documents at the start. */
  readonly timeout: number
  /** Accepted as in Spring, without effect: Nacos sends documents as UTF-8. */
  readonly encode: string
  /**
   * `true`: if documents cannot be loaded at the start, or one cannot be used, the start fails with an error. `false`:
   * the start goes on with the snapshot, or without the document.
   */
  readonly failFast: boolean
  /** What happens if a document is deleted in Nacos: `keep` its values, or `clear` them. */
  readonly onDelete: 'keep' | 'clear'
  /** Largest accepted document, in bytes. A larger one would block the process while it is parsed. */
  readonly maxBytes: number
  /**
   * Data id of the service's own documents, without profile and extension.
   * @default the value of `name`, then of `application.name`
   */
  readonly prefix?: string | undefined
  /** The same as `prefix`, which is stronger. */
  readonly name?: string | undefined
}
