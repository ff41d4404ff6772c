/** The types that everything else uses: services, instances and configs, as Nacos names them. */

/** Names a service. `namespace: ''` is Nacos's public namespace. */
export interface ServiceKey {
  readonly namespace: string
  readonly group: string
  readonly service: string
}

/** One address of a service, as registered or as read from the registry. */
export interface ServiceInstance extends ServiceKey {
  /** Address without brackets, IPv4, IPv6 or a host name. */
  readonly ip: string
  /** 1–65535; what callers connect to. */
  readonly port: number
  /** Share of the traffic relative to the other instances; 0 takes it out. @default 1 */
  readonly weight: number
  /** The health of its heartbeat as the registry sees it. */
  readonly healthy: boolean
  /** Set by an operator: a disabled instance gets no calls. */
  readonly enabled: boolean
  /** An ephemeral instance lives by its heartbeat; a persistent one stays until it is deleted. */
  readonly ephemeral: boolean
  /** Nacos cluster: `DEFAULT`, or what a data center calls itself. */
  readonly cluster: string
  readonly metadata: Readonly<Record<string, string>>
}

/** Names a config document. `namespace: ''` is Nacos's public namespace. */
export interface ConfigKey {
  readonly namespace: string
  readonly group: string
  readonly dataId: string
}

/** A config document as the registry holds it. */
export interface ConfigItem extends ConfigKey {
  readonly content: string
  /** Nacos's own type name: yaml, json, properties, text, xml, html. */
  readonly type?: string
  /** Hex MD5 of the content in UTF-8, as Nacos compares it. */
  readonly md5: string
}

/** Which part of a list of names. */
export interface Page {
  /** First page is 1. */
  readonly pageNo: number
  readonly pageSize: number
  readonly namespace: string
  readonly group: string
}

/** One page of the services of a group. */
export interface ServiceNames {
  /** Of all pages. */
  readonly count: number
  readonly names: readonly string[]
}

/** Ends a subscription; calling it twice is harmless. */
export type Unsubscribe = () => void
