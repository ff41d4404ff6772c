import { LONGEST_TIMER_MS } from '../util/longest-timer.js'

/** The rules that an event of the sidecar begins and another one ends. */
export const EVENT_RULES = ['registry-lost', 'config-rejected', 'ejected'] as const
export type EventRule = (typeof EVENT_RULES)[number]

/** The share of the requests of this instance that it answers with 5xx, over a time. */
export interface RateRule {
  /** As it was written, without spaces. */
  readonly name: string
  /** From 0 to 1. */
  readonly share: number
  readonly windowMs: number
}

export type AlertRule = EventRule | RateRule

const RATE = /^error-rate>(\d+(?:\.\d+)?)%\/(\d+)(s|m|h)$/
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/**
 * @returns `undefined` for what is no rule
 * @example readRule('error-rate > 5% / 1m') // { name: 'error-rate>5%/1m', share: 0.05, windowMs: 60000 }
 */
export function readRule(text: string): AlertRule | undefined {
  const name = text.toLowerCase().replace(/\s/g, '')
  const word = EVENT_RULES.find((rule) => rule === name)
  if (word) return word
  const [, percent, amount, unit] = RATE.exec(name) ?? []
  if (percent === undefined) return undefined
  const share = Number(percent) / 100
  const windowMs = Number(amount) * UNIT_MS[unit!]!
  return share < 1 && windowMs >= 1_000 && windowMs <= LONGEST_TIMER_MS ? { name, share, windowMs } : undefined
}
