import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLogger, SidecarError } from 'nacos-sidecar'
import { describe, expect, it } from 'vitest'
import { openLog } from '../../src/logging.js'
import { loadSettings } from '../../src/settings/load.js'
import { settingsSchema } from '../../src/settings/schema.js'
import { collectLog } from '../support/collect.js'
import { tempFolder } from '../support/temp-folder.js'

const FORGED = '2026-01-01T00:00:00.000Z ERROR nacos-sidecar forged'
const HOSTILE = {
  'a line break': `x\n${FORGED}`,
  'a carriage return': `x\r${FORGED}`,
  'U+2028': `x\u2028${FORGED}`,
  'U+0085': `x\u0085${FORGED}`,
  ANSI: '\u001b[2K\u001b[1A\u001b[31mred',
  'C1 CSI': '\u009b31mred',
  OSC: '\u001b]0;title\u0007\u001b]8;;http://evil\u001b\\',
  'marks of direction': 'a\u202egnp.exe\u202c\u2066b\u2069\u200e\u200f',
  'no width': 'ad\u200bmin\ufeff\u2060',
  NUL: 'a\u0000b',
}
/** All that a reader of lines or a terminal would obey. */
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/

describe('attack: forged log lines', () => {
  it.each(Object.entries(HOSTILE))('G6: %s in a message is shown, not obeyed, in every log', (_what, text) => {
    const lines: string[] = []
    createLogger('info', (line) => void lines.push(line)).warn(text)
    const own = collectLog()
    const path = join(tempFolder(), 'sidecar.log')
    openLog(settingsSchema.parse({ sidecar: { 'log-file': path, logFile: path } }), own).logger.error(text)
    for (const written of [lines.join(''), readFileSync(path, 'utf8')]) {
      expect(written).not.toMatch(OBEYED)
      expect(written.split('\n')).toHaveLength(2)
    }
    expect(own.lines.join('')).not.toMatch(OBEYED)
    expect(own.lines.join('')).not.toContain('\n')
  })

  it.each(Object.entries(HOSTILE))('G6: %s in an error is shown, not obeyed', (_what, text) => {
    const { message, stack } = new SidecarError('SIDECAR_CALL_INVALID', `it is ${text}`)
    expect(message).not.toMatch(OBEYED)
    expect(message).not.toContain('\n')
    expect(stack!.split('\n    at ')[0]).not.toMatch(OBEYED)
  })

  it('G6: keys and values of a bootstrap file forge no line of an error or a warning', () => {
    const overrides = {
      auth: { enabled: `no\n${FORGED}`, [`x\n${FORGED}`]: 1 },
      cloud: { nacos: { [`y\u202e\n${FORGED}`]: 2 } },
    }
    let message = ''
    try {
      loadSettings({ configPath: false as never, overrides, env: {}, argv: [] })
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain('auth.enabled')
    expect(message).not.toMatch(OBEYED)
    expect(message.split('\n').some((line) => line.startsWith('2026'))).toBe(false)
  })
})
