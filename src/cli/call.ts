import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { originOf } from '../instance.js'
import type { Sidecar } from '../sidecar.js'
import { readLogicalUrl } from '../http/logical-name.js'
import { serviceName } from './arguments.js'
import { asGuest, withGuestOptions, WITHOUT_DOCUMENTS, type GuestFlags } from './guest.js'
import { isJson } from './is-json.js'

interface CallFlags extends GuestFlags {
  readonly data?: string
  readonly header: Readonly<Record<string, string>>
}

/** `nacos-sidecar call`: one request to a service, as an app would send it. */
export function callCommand(): Command {
  return withGuestOptions(
    new Command('call')
      .description('Send one request to a service by its name; exit code 1 for a status of 400 and above.')
      .argument('<service>', 'name, or group@@name', serviceName)
      .argument('<method>', 'GET, POST, …')
      .argument('<path>', '/users/7?verbose=true')
      .option('-d, --data <body>', 'the body; @file reads a file, - the standard input')
      .option('-H, --header <name:value>', 'a header; may be given again', addHeader, {}),
  ).action((service: string, method: string, path: string, flags: CallFlags) =>
    asGuest(flags, WITHOUT_DOCUMENTS, (sidecar) => call(sidecar, service, method.toUpperCase(), path, flags)),
  )
}

async function call(sidecar: Sidecar, service: string, method: string, path: string, flags: CallFlags): Promise<void> {
  const body = flags.data === undefined ? undefined : contentOf(flags.data)
  const type: Record<string, string> = body !== undefined && isJson(body) ? { 'content-type': 'application/json' } : {}
  const response = await sendTo(sidecar, service, path.startsWith('/') ? path : `/${path}`, {
    method,
    headers: { ...type, ...flags.header },
    ...(body !== undefined && { body }),
  })
  const text = await response.text()
  if (response.status >= 400) process.exitCode = 1
  const { status, statusText } = response
  if (flags.json)
    return console.log(JSON.stringify({ status, headers: Object.fromEntries(response.headers), body: text }))
  console.error(`HTTP ${status} ${statusText}`.trimEnd())
  if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** One request to a service. A name that is no host name cannot stand in a URL. */
export async function sendTo(sidecar: Sidecar, service: string, path: string, init: RequestInit): Promise<Response> {
  const url = `lb://${service}${path}`
  if (readLogicalUrl(url)?.service === service) return sidecar.fetch(url, init)
  const { instance, done } = await sidecar.discovery.pick(service)
  try {
    const response = await fetch(`${originOf(instance)}${path}`, init)
    done(response.ok ? 'ok' : 'failed')
    return response
  } catch (error) {
    done('failed')
    throw error
  }
}

/** `-` is the standard input, `@file` a file. */
export function contentOf(data: string): string {
  if (data === '-') return readFileSync(0, 'utf8')
  return data.startsWith('@') ? readFileSync(data.slice(1), 'utf8') : data
}

/** For an option that may be given again. */
export function addHeader(raw: string, earlier: Readonly<Record<string, string>>): Record<string, string> {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(raw) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected name:value.')
  return { ...earlier, [name]: value }
}
