import { createHmac } from 'node:crypto'
import type { AlertSettings } from '../settings/schema.js'
import { printable } from '../util/printable.js'
import type { Alert, AlertSource } from './alert.js'

/** What is sent to a webhook. */
export interface AlertRequest {
  /** Without the credentials that the address may hold: `fetch` takes none there. */
  readonly url: URL
  /** Those credentials. */
  readonly authorization?: string
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
  const { username, password } = url
  url.username = url.password = ''
  const body = bodyOf(target, alert, source, now, url)
  if (username === '' && password === '') return { url, body }
  const user = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')
  return { url, body, authorization: `Basic ${user}` }
}

/** @param url a signature is put into it */
function bodyOf(target: AlertTarget, alert: Alert, source: AlertSource, now: number, url: URL): string {
  const text = textOf(alert, source)
  const { secret } = target
  switch (target.format) {
    case 'dingtalk':
      if (secret) {
        url.searchParams.set('timestamp', String(now))
        url.searchParams.set('sign', sign(secret, `${now}\n${secret}`))
      }
      return JSON.stringify({ msgtype: 'text', text: { content: text } })
    case 'feishu': {
      const timestamp = String(Math.floor(now / 1000))
      const signed = secret && { timestamp, sign: sign(`${timestamp}\n${secret}`, '') }
      return JSON.stringify({ ...signed, msg_type: 'text', content: { text: withoutTags(text) } })
    }
    case 'wecom':
      return JSON.stringify({ msgtype: 'text', text: { content: withoutTags(text) } })
    case 'slack':
      return JSON.stringify({ text: text.replace(/[&<>]/g, (char) => SLACK_ESCAPES[char]!) })
    case 'json': {
      const { status, rule, subject, message, since, at } = alert
      return JSON.stringify({ status, rule, subject, message, since, at, ...source })
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

/** WeCom refuses a text of more than 2,048 bytes, and would again each time. */
const MAX_TEXT_BYTES = 2_000

/** The message is what is cut: what happened, where and when must be read. */
function textOf({ status, rule, message, since }: Alert, { service, instance, namespace }: AlertSource): string {
  const where = [service, instance, namespace && `namespace ${namespace}`].filter(Boolean).join(', ')
  const head = cut(printable(`[nacos-sidecar] ${status}: ${rule} (${where}): `), MAX_TEXT_BYTES / 2)
  const end = `. Since ${since.toISOString()}`
  return head + cut(printable(message), MAX_TEXT_BYTES - Buffer.byteLength(head + end)) + end
}

function cut(text: string, bytes: number): string {
  const all = Buffer.from(text)
  if (all.length <= bytes) return text
  // A character that was cut in two becomes U+FFFD.
  return `${all
    .subarray(0, bytes - 6)
    .toString()
    .replace(/\ufffd+$/, '')}…`
}

/**
 * Feishu reads `<at user_id="all">` in a text, and WeCom `<@userid>`: a message that quotes the text of others must not call a
 * whole group. Neither has an escape, so the brackets are those of full width.
 */
function withoutTags(text: string): string {
  return cut(text.replace(/</g, '＜').replace(/>/g, '＞'), MAX_TEXT_BYTES)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function sign(key: string, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64')
}
