import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SidecarError, messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { configKey, md5Of } from './config-store.js'
import type { ConfigFiles, ConfigId, StoredConfig } from './config-store.js'

/**
 * One file a document under `directory/configs`. A name is the hash of the document's id, so no data id can reach
 * outside; a write goes to a new file and is renamed over the old one, so a reader sees the old or the new, never half.
 */
export function createConfigFiles(directory: string, logger: Logger): ConfigFiles {
  const folder = join(directory, 'configs')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new SidecarError(
      'SIDECAR_DEV_SERVER',
      `The data directory ${folder} cannot be made: ${messageOf(error)}. Give --data (dataDir) a directory that can be written.`,
      { cause: error },
    )
  }
  const fileOf = (id: ConfigId) => join(folder, `${createHash('sha256').update(configKey(id)).digest('hex')}.json`)
  let temporary = 0

  return {
    load() {
      const configs: StoredConfig[] = []
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        // A symlink is not ours: it could lead outside the directory.
        if (!entry.isFile() || !entry.name.endsWith('.json')) continue
        const file = join(folder, entry.name)
        const config = readConfig(file)
        if (config && fileOf(config) === file) {
          configs.push(config)
        } else {
          renameSync(file, `${file}.corrupt`)
          logger.warn(`${file} is not a config document of this registry; set aside as ${entry.name}.corrupt`)
        }
      }
      return configs
    },

    save(config) {
      const file = fileOf(config)
      const half = `${file}.${process.pid}.${temporary++}.tmp`
      try {
        writeFileSync(half, JSON.stringify(config), { mode: 0o600, flag: 'wx' })
        renameSync(half, file)
      } catch (error) {
        rmSync(half, { force: true })
        throw error
      }
    },

    remove(id) {
      rmSync(fileOf(id), { force: true })
    },
  }
}

function readConfig(file: string): StoredConfig | undefined {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const config = value as Record<string, unknown>
  const texts = ['tenant', 'group', 'dataId', 'id', 'content', 'md5', 'type', 'appName', 'encryptedDataKey', 'sourceIp']
  const numbers = ['createdMs', 'modifiedMs']
  const whole =
    texts.every((key) => typeof config[key] === 'string') &&
    numbers.every((key) => typeof config[key] === 'number') &&
    md5Of(config['content'] as string) === config['md5']
  return whole ? (config as unknown as StoredConfig) : undefined
}
