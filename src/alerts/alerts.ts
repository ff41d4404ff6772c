import { messageOf } from '../errors.js'
import type { Emit, SidecarEvents } from '../events.js'
import { hostPort, serviceKeyText } from '../instance.js'
import type { Logger } from '../logger.js'
import type { AlertSettings } from '../settings/schema.js'
import type { ServiceInstance } from '../types.js'
import type { Alert, AlertSource } from './alert.js'
import { readRule, type EventRule, type RateRule } from '../settings/alert-rule.js'
import { Conditions, type ConditionStatus } from './conditions.js'
import { watchErrorRate, type RequestCounts } from './error-rate.js'
import { requestOf } from './formats.js'
import { Webhook } from './webhook.js'

/** Tells a webhook what the rules of the settings find. */
export interface Alerts {
  /** Hears of every event of the sidecar. */
  readonly onEvent: Emit
  status(): AlertsStatus
  /** Resolves what is raised, and sends what waits, within the time. */
  close(withinMs: number): Promise<void>
}

export interface AlertsOptions {
  readonly settings: AlertSettings
  readonly logger: Logger
  /** Asked for each alert: the address of the instance is known late. */
  source(): AlertSource
  /** Of the requests that this instance served, since the start. */
  counts(): RequestCounts
  /** False: the figures are off, and no request is counted. */
  readonly counted: boolean
  /** While it leaves, nothing is raised: what it loses then, it lets go. */
  leaving(): boolean
}

/** What is reported, and what was. */
export interface AlertsStatus {
  /** Without a webhook nothing is watched. */
  readonly enabled: boolean
  readonly rules: readonly string[]
  readonly current: readonly ConditionStatus[]
  /** The last reports, oldest first. */
  readonly recent: readonly Alert[]
}

/** So many reports are kept. */
const MAX_RECENT = 20

const NONE: Alerts = {
  onEvent: () => {},
  status: () => ({ enabled: false, rules: [], current: [], recent: [] }),
  close: async () => {},
}

/** Without a webhook it does nothing. */
export function createAlerts({ settings, logger, source, counts, counted, leaving }: AlertsOptions): Alerts {
  const { webhook: address, format, secret, timeout } = settings
  if (address === undefined) return NONE
  const target = { webhook: address, format, secret }
  const webhook = new Webhook(target, timeout, logger)
  const recent: Alert[] = []
  const report = (alert: Alert) => {
    const { status, rule, message } = alert
    if (recent.push(alert) > MAX_RECENT) recent.shift()
    logger.info(`alert ${status}: ${rule}: ${message}`, { rule, subject: alert.subject, status })
    const from = source()
    webhook.send(() => requestOf(target, alert, from, Date.now()))
  }
  const conditions = new Conditions({ forMs: settings.for, repeatMs: settings.repeat }, report, leaving)
  const rules = settings.on.map((rule) => readRule(rule)!)
  const stops = rules
    .filter((rule): rule is RateRule => typeof rule === 'object')
    .map((rule) => {
      if (!counted) logger.warn(`sidecar.alerts: ${rule.name} is not raised while sidecar.observe.enabled is false`)
      return watchErrorRate(rule, counts, (above, text) => {
        if (above) conditions.begin(rule.name, '', text)
        else conditions.end(rule.name, '', text)
      })
    })
  return {
    onEvent(event, ...args) {
      const effect = EFFECTS[event] as Effect<unknown> | undefined
      if (effect && rules.includes(effect.rule)) effect.apply(conditions, args[0])
    },
    status: () => ({ enabled: true, rules: [...settings.on], current: conditions.list(), recent: [...recent] }),
    async close(withinMs) {
      for (const stop of stops) stop()
      conditions.endAll('this instance leaves, and watches it no longer')
      await webhook.close(withinMs)
    },
  }
}

/** What an event does to the conditions of a rule. */
interface Effect<Event> {
  readonly rule: EventRule
  readonly apply: (conditions: Conditions, event: Event) => void
}

/** Which event begins a condition, and which one ends it. */
const EFFECTS: { readonly [Name in keyof SidecarEvents]?: Effect<SidecarEvents[Name][0]> } = {
  registryLost: {
    rule: 'registry-lost',
    apply: (conditions, { servers }) =>
      conditions.begin('registry-lost', '', `no server of the registry answers (${servers.join(', ')})`),
  },
  registryFound: {
    rule: 'registry-lost',
    apply: (conditions, { server }) => conditions.end('registry-lost', '', `${server} answers`),
  },
  configRejected: {
    rule: 'config-rejected',
    apply: (conditions, { source, error }) => conditions.begin('config-rejected', source, messageOf(error)),
  },
  configAccepted: {
    rule: 'config-rejected',
    apply: (conditions, { source }) => conditions.end('config-rejected', source, `${source} can be used again`),
  },
  ejected: {
    rule: 'ejected',
    apply(conditions, { instance }) {
      const name = nameOf(instance)
      conditions.begin('ejected', name, `${name} keeps failing and gets no calls of this instance`)
    },
  },
  restored: {
    rule: 'ejected',
    apply: (conditions, { instance }) =>
      conditions.end('ejected', nameOf(instance), `${nameOf(instance)} answers again`),
  },
  instancesChanged: {
    rule: 'ejected',
    apply(conditions, { service, instances }) {
      const listed = new Set(instances.map(nameOf))
      const prefix = `${serviceKeyText(service)} `
      const gone = (name: string) => name.startsWith(prefix) && !listed.has(name)
      conditions.endWhere('ejected', gone, 'it is no longer in the list of the registry')
    },
  },
}

function nameOf(instance: ServiceInstance): string {
  return `${serviceKeyText(instance)} ${hostPort(instance)}`
}
