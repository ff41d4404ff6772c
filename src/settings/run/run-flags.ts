import { textEntry, type PropertyDocument } from '../../properties/document.js'
import { isPlainObject } from '../../util/is-object.js'
import { RUN_SETTINGS, type RunSetting } from './run-settings.js'
import { registersItself, settingTexts } from './values.js'

/** Where `nacos-sidecar run` leaves its flags for the process, and for the workers of its cluster. */
export const RUN_VARIABLE = 'NACOS_SIDECAR_RUN'

/** The flags of `nacos-sidecar run`, by their names. */
export type RunFlags = Readonly<Record<string, readonly string[]>>

/** @param main the script that it starts: flags are not for the scripts that this one starts */
export function formatRunFlags(main: string | undefined, flags: RunFlags): string {
  return JSON.stringify({ main, flags })
}

/** The flags of this process; `undefined` if it was not started by `nacos-sidecar run`. */
export function readRunFlags(text: string | undefined, main: string | undefined): PropertyDocument | undefined {
  if (text === undefined) return undefined
  const { main: started, flags } = parsed(text)
  if (!isPlainObject(flags) || started !== main) return undefined
  const said = new Map<RunSetting, readonly string[]>()
  for (const row of RUN_SETTINGS) {
    const values = row.flag === undefined ? undefined : flags[row.flag]
    if (Array.isArray(values)) said.set(row, values.map(String))
  }
  const textOf = (field: string) => [...said].find(([row]) => row.field === field)?.[1].at(-1)
  const entries = [...said].flatMap(([row, values]) => {
    const texts = settingTexts(row, row.takes === 'list' || row.takes === 'pairs' ? values : values.at(-1)!, true)
    return texts.map(({ path, text: value }) => textEntry(path, value, { key: `--${row.flag}` }))
  })
  const self = registersItself(textOf).map(({ path, text: value }) =>
    textEntry(path, value, { key: '--no-register-on-startup' }),
  )
  return { name: 'command line', layer: 'command line', entries: [...entries, ...self] }
}

function parsed(text: string): { main?: unknown; flags?: unknown } {
  try {
    const value: unknown = JSON.parse(text)
    return isPlainObject(value) ? value : {}
  } catch {
    return {}
  }
}
