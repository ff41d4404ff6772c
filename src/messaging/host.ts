import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { Recorder } from '../observe/recorder.js'
import type { PropertyStore } from '../properties/store.js'
import type { Settings } from '../settings/schema.js'
import type { WorkRunner } from '../work/work.js'
import type { EventBus } from './event-bus.js'
import type { EventSettings } from './settings.js'
import type { SharedAmqp } from './shared-amqp.js'

/** What entries of the package that are loaded by themselves use of a sidecar. Their state of a sidecar is here, as each may be a copy. */
export interface SidecarHost {
  readonly settings: Settings
  readonly store: PropertyStore
  readonly logger: Logger
  readonly emit: Emit
  readonly recorder: Recorder
  readonly work: WorkRunner
  /** Settles when the configuration of Nacos is loaded. */
  readonly configured: Promise<void>
  /** By the URL of their broker; `''` for that of the settings. */
  readonly buses: Map<string, EventBus>
  /** Open connections to RabbitMQ, by URL as well. */
  readonly connections: Map<string, SharedAmqp>
  /** Whether a handler may take events: a test runs some of them only. @default all */
  mayStart?(handler: HandlerStart): boolean
  /** One for all; `eventSettings` makes it. */
  eventSettings?: () => EventSettings
}

/** A handler of events that is to start. */
export interface HandlerStart {
  readonly source: string
  readonly type: string
  /** Its own name. */
  readonly handler: string
}
