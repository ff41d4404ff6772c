import { NOT_RESOLVED, boolCoreTag, floatCoreTag, intCoreTag, nullCoreTag } from 'js-yaml'

export type Scalar = string | number | boolean | null

/** An unquoted scalar as YAML 1.2's core schema reads it: `yes`, `on` and `n` stay strings. */
export function yamlScalar(text: string): Scalar {
  for (const tag of [nullCoreTag, boolCoreTag, intCoreTag, floatCoreTag]) {
    const value = tag.resolve(text, false, tag.tagName)
    if (value === NOT_RESOLVED) continue
    // A long id would come out as another number.
    return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? text
      : (value as Scalar)
  }
  return text
}

/** Text that never had a chance to be quoted: a number or a boolean only where not one character is lost. */
export function plainScalar(text: string): Scalar {
  if (text === '' || text.length > 25) return text
  const value = yamlScalar(text)
  return value !== null && String(value) === text ? value : text
}

/**
 * What Java's YAML 1.1 reader sees in an unquoted scalar: `on` is true, `0123` octal, `1_000` a thousand, `12:30:45` a
 * number of seconds. `undefined` for text.
 */
export function javaScalar(text: string): number | boolean | undefined {
  if (!/^[-+.\dynotfYNOTF]/.test(text) || text.length > 40) return undefined
  if (JAVA_TRUE.test(text)) return true
  if (JAVA_FALSE.test(text)) return false
  if (!JAVA_INT.test(text) && !JAVA_FLOAT.test(text)) return undefined
  const negative = text.startsWith('-')
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '')
  const value = unsigned(digits)
  return Number.isFinite(value) ? (negative ? -value : value) : undefined
}

const JAVA_TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/
const JAVA_FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/
const JAVA_INT = /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][\d_]*|0x[\da-fA-F_]+|[1-9][\d_]*(?::[0-5]?\d)+)$/
const JAVA_FLOAT =
  /^[-+]?(?:\d[\d_]*\.[\d_]*(?:[eE][-+]?\d+)?|\d[\d_]*[eE][-+]?\d+|\.\d[\d_]*(?:[eE][-+]?\d+)?|\d[\d_]*(?::[0-5]?\d)+\.[\d_]*)$/

function unsigned(digits: string): number {
  if (digits.includes(':')) return digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  if (/^0b/.test(digits)) return parseInt(digits.slice(2), 2)
  return /^0[0-7]+$/.test(digits) ? parseInt(digits, 8) : Number(digits)
}
