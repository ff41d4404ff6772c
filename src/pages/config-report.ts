export interface ConfigReport {
  /** The documents of Nacos, lowest first. */
  readonly documents: readonly DocumentReport[]
  readonly keys: readonly ConfigKeyReport[]
  /** How many further keys are not in `keys`. */
  readonly omitted: number
}

export interface DocumentReport {
  readonly dataId: string
  readonly group: string
  /** Its changes are followed. */
  readonly refresh: boolean
  readonly state: 'pending' | 'loaded' | 'absent' | 'deleted' | 'failed' | 'snapshot'
  readonly md5?: string | undefined
}

export interface ConfigKeyReport extends OriginReport {
  readonly key: string
  readonly value: unknown
}

export interface OriginReport {
  /** `local`, `remote`, `environment`, `application json`, `command line`, `code`. */
  readonly layer: string
  readonly document: string
  readonly line?: number | undefined
  readonly column?: number | undefined
}

/** What `/_sidecar/config.json?key=…` holds: why a key has its value. */
export interface ExplanationReport {
  readonly key: string
  readonly value?: unknown
  readonly origin?: OriginReport | undefined
  /** What would count without `origin`, the strongest first. */
  readonly shadows: readonly (OriginReport & { readonly value?: unknown })[]
}
