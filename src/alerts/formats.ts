import { createHmac } from 'node:crypto'
import type { AlertSettings } from '../settings/schema.js'
import { printable } from '../util/printable.js'
import type { Alert, AlertSource } from './alert.js'

/** What is sent to a webhook. */
export interface AlertRequest {
  readonly url: URL
  readonly body: string
}

export interface AlertTarget {
  readonly webhook: string
  readonly format: AlertSettings['format']
  /** Signs the message for DingTalk and Feishu. */
  readonly secret?: string | undefined
}

/** @param now ms since 1970: DingTalk and Feishu refuse a signature that is older than an hour. */
export function requestOf(target: AlertTarget, alert: Alert, source: AlertSource, now: number): AlertRequest {
  const url = new URL(target.webhook)
  const text = textOf(alert, source)
  const { secret } = target
  switch (target.format) {
    case 'dingtalk':
      if (secret) {
        url.searchParams.set('timestamp', String(now))
        url.searchParams.set('sign', sign(secret, `${now}\n${secret}`))
      }
      return { url, body: JSON.stringify({ msgtype: 'text', text: { content: text } }) }
    case 'feishu': {
      const timestamp = String(Math.floor(now / 1000))
      const signed = secret && { timestamp, sign: sign(`${timestamp}\n${secret}`, '') }
      return { url, body: JSON.stringify({ ...signed, msg_type: 'text', content: { text } }) }
    }
    case 'wecom':
      return { url, body: JSON.stringify({ msgtype: 'text', text: { content: text } }) }
    case 'slack':
      return { url, body: JSON.stringify({ text: text.replace(/[&<>]/g, (char) => SLACK_ESCAPES[char]!) }) }
    case 'json': {
      const { status, rule, subject, message, since, at } = alert
      return { url, body: JSON.stringify({ status, rule, subject, message, since, at, ...source }) }
    }
  }
}

/** These services answer 200 with a code of their own where they refuse. @returns why, or `undefined` where they took it */
export function refusalIn(answer: string): string | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(answer)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { errcode, code, StatusCode } = parsed as Record<string, unknown>
  const refused = [errcode, code, StatusCode].find((one) => typeof one === 'number' && one !== 0)
  return refused === undefined ? undefined : `its code is ${String(refused)}`
}

const SLACK_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

function textOf({ status, rule, message, since }: Alert, { service, instance, namespace }: AlertSource): string {
  const where = [service, instance, namespace && `namespace ${namespace}`].filter(Boolean).join(', ')
  return printable(`[nacos-sidecar] ${status}: ${rule} (${where}): ${message}. Since ${since.toISOString()}`)
}

function sign(key: string, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64')
}
