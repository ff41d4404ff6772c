import { loadSettings, type LoadOptions, type LoadedSettings } from '../../src/settings/load.js'
import { tempFolder } from './temp-folder.js'

/** Loads `yaml` as bootstrap.yml of an empty folder, apart from the environment of the test run. */
export function loadBootstrap(
  yaml: string | Record<string, string | Uint8Array>,
  options: LoadOptions & { vars?: Record<string, string> } = {},
): LoadedSettings {
  const { vars, ...rest } = options
  const cwd = tempFolder(typeof yaml === 'string' ? { 'bootstrap.yml': yaml } : yaml)
  return loadSettings({ cwd, env: vars ?? {}, argv: [], main: cwd, ...rest })
}

/** The error of a bootstrap.yml that cannot be loaded. */
export function loadError(
  yaml: string | Record<string, string | Uint8Array>,
  options: LoadOptions & { vars?: Record<string, string> } = {},
): Error & { code?: string } {
  try {
    loadBootstrap(yaml, options)
  } catch (error) {
    return error as Error
  }
  throw new Error('it was loaded')
}
