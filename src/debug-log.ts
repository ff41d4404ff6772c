import { subscribe } from 'node:diagnostics_channel'
import { channelsOf, DIAGNOSTIC_AREAS, type DiagnosticArea } from './diagnostics.js'
import { SidecarError } from './errors.js'
import { hostPort, serviceKeyText } from './instance.js'
import { writeStderr } from './logger.js'
import { processSlot } from './process-state.js'
import type { ServiceInstance, ServiceKey } from './types.js'
import { isObject } from './util/is-object.js'
import { printable } from './util/printable.js'
import { mask } from './util/secrets.js'

/** So much of a list is shown. */
const MAX_ITEMS = 5
const MAX_CHARS = 500

/**
 * Prints what is published on the channels of the areas that `NACOS_SIDECAR_DEBUG` names, one line each: `registry`,
 * `calls`, `config`, `guard`, `lifecycle`, separated by commas, or `*`. Once a process, however often it is called.
 *
 * @param wanted the variable's value
 * @example startDebugLog('registry,calls')
 */
export function startDebugLog(wanted: string | undefined, write: (line: string) => void = writeStderr): void {
  if (!wanted?.trim()) return
  processSlot('debugLog', () => {
    const words = wanted.split(/[\s,]+/).filter(Boolean)
    const areas = DIAGNOSTIC_AREAS.filter((area) => words.includes(area) || words.includes('*'))
    const unknown = words.filter((word) => word !== '*' && !DIAGNOSTIC_AREAS.includes(word as DiagnosticArea))
    if (unknown.length > 0) {
      write(line('debug', 'unknown area', { given: unknown.join(','), areas: DIAGNOSTIC_AREAS.join(',') }))
    }
    for (const area of areas) {
      for (const name of channelsOf(area)) {
        const event = name.slice(name.lastIndexOf(':') + 1)
        subscribe(name, (message) => write(line(area, event, message as Record<string, unknown>)))
      }
    }
    return true
  })
}

/** `2026-11-29T18:00:00.000Z DEBUG nacos-sidecar:registry request method=PUT path=/v1/ns/instance/beat status=200 ms=2.1` */
function line(area: string, event: string, fields: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined)
  const text = pairs.map(([name, value]) => `${name}=${quoted(show(value))}`).join(' ')
  return `${new Date().toISOString()} DEBUG nacos-sidecar:${area} ${event} ${text}`.trimEnd() + '\n'
}

function show(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(1)
  if (value instanceof SidecarError) return `${value.code}: ${value.message}`
  if (value instanceof Error) return value.message
  if (Array.isArray(value)) {
    const more = value.length > MAX_ITEMS ? `,… (${value.length})` : ''
    return value.slice(0, MAX_ITEMS).map(show).join(',') + more
  }
  if (isInstance(value)) return hostPort(value)
  if (isObject(value) && 'service' in value) {
    return serviceKeyText(value as unknown as ServiceKey)
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function isInstance(value: unknown): value is ServiceInstance {
  return isObject(value) && typeof value['ip'] === 'string' && typeof value['port'] === 'number'
}

function quoted(text: string): string {
  const safe = printable(mask(text.slice(0, MAX_CHARS)))
  return safe === '' || /[\s"=]/.test(safe) ? JSON.stringify(safe) : safe
}
