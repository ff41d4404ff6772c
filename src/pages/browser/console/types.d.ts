import type { EventsReport, TimerReport } from '../../work-report.js'
import type { I18n } from '../base/i18n.js'
import type { Api } from './api.js'
import type { Registry } from './registry.js'

/** What the registry tells the console; made in src/dev-server/console/rows.ts. */
export interface ServiceRow {
  namespace: string
  group: string
  name: string
  ephemeral: boolean
  protectThreshold: number
  metadata: Record<string, string>
  clusters: string[]
  instances: number
  serving: number
  disabled: number
  unhealthy: number
  subscribers: number
}

export interface InstanceRow {
  ip: string
  port: number
  cluster: string
  weight: number | 'NaN'
  healthy: boolean
  enabled: boolean
  ephemeral: boolean
  metadata: Record<string, string>
  by: 'http' | 'grpc'
  /** Where the operator's word lies over it. */
  published?: { weight: number | 'NaN'; enabled: boolean; metadata: Record<string, string> }
}

export interface ConfigRow {
  namespace: string
  group: string
  dataId: string
  type: string
  md5: string
  modifiedMs: number
  bytes: number
  versions: number
  listeners: number
}

export interface Version {
  version: number
  kind: 'found' | 'published' | 'deleted'
  atMs: number
  by: string
  md5: string
  type: string
  bytes: number
}

export interface ConfigDetail extends Partial<ConfigRow> {
  namespace: string
  group: string
  dataId: string
  content?: string
  createdMs?: number
  history: Version[]
  audience: Member[]
}

export interface Member {
  via: 'grpc' | 'udp' | 'long-poll'
  client: string
  address: string
  clusters?: string
}

export interface Client {
  id: string
  clientVersion: string
  ip: string
  namespace: string
  labels: Record<string, string>
  services: number
  configs: number
  instances: number
}

/** Made in src/dev-server/console/work.ts. */
export interface WorkRow {
  instance: string
  page?: string
  at?: string
  timers?: TimerReport[]
  events?: EventsReport[]
  why?: 'elsewhere' | 'unread'
  detail?: string
}

export interface About {
  address: string
  grpcPort?: number
  apis: string[]
  keepsConfigs: boolean
  startedMs: number
}

export interface ServiceName {
  namespace: string
  group: string
  name: string
}

export interface ConfigName {
  namespace: string
  group: string
  dataId: string
}

export interface Problem {
  level: 'error' | 'warning'
  line: number
  column: number
  message: string
}

/** What every view is given. */
export interface Context {
  i18n: I18n
  registry: Registry
  /** Namespace that the lists are limited to; '' for all. */
  filter: { namespace: string }
  api: Api
}

/** A part of the page that stands in `main`. */
export interface View {
  title: string
  element: HTMLElement
  /** What the registry told has changed. */
  update(): void
  /** True where something is typed that was not published. */
  unsaved?(): boolean
  close?(): void
}
