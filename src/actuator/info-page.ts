import type { DirectAnswer } from '../adapters/adapter.js'
import { masked } from '../properties/secrets.js'
import type { PropertyStore } from '../properties/store.js'
import { readOwnPackage } from '../settings/own-package.js'
import { isObject } from '../util/is-object.js'
import { jsonAnswer } from './answers.js'

/** What an app says of itself (`defineService`). */
export interface AboutApp {
  readonly version?: string | undefined
  readonly description?: string | undefined
}

export interface InfoOptions {
  readonly store: PropertyStore
  /** `application.name` */
  readonly application: string | undefined
  /** Stronger than package.json. @default nothing */
  readonly about?: AboutApp | undefined
  readonly showsInfo: () => boolean
}

/**
 * Name, version and description of the app, the version of Node, and the keys below `info`, as `info.app.*` and `info.git.*`; secrets
 * masked.
 */
export function createInfoPage({ store, application, about, showsInfo }: InfoOptions): () => DirectAnswer {
  let own: Readonly<Record<string, string | undefined>> | undefined
  return () => {
    own ??= ownInfo(application, about)
    const written = showsInfo() ? store.get('info') : undefined
    const info = isObject(written) ? (masked(['info'], written) as Record<string, unknown>) : {}
    const app = isObject(info['app']) ? { ...own, ...info['app'] } : own
    return jsonAnswer({ ...info, app, node: { version: process.versions.node } })
  }
}

function ownInfo(application: string | undefined, about: AboutApp | undefined): Record<string, string | undefined> {
  const known = readOwnPackage()
  const { version = known?.version, description = known?.description } = about ?? {}
  const name = application ?? known?.name
  return { ...(name && { name }), ...(version && { version }), ...(description && { description }) }
}
