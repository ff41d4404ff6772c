import { SidecarError } from '../errors.js'
import type { Adapter } from './adapter.js'
import { express } from './express.js'
import { fastify } from './fastify.js'
import { koa } from './koa.js'
import { createNest } from './nest.js'
import { nodeServer } from './node-server.js'

const frameworks = [express, fastify, koa]

/** Every framework the sidecar can stand in front of. */
export const adapters: readonly Adapter[] = [...frameworks, createNest(frameworks), nodeServer]

/**
 * The adapter for an app, by the app's shape: no framework is loaded to find out.
 *
 * @throws SidecarError `SIDECAR_APP_UNSUPPORTED`, naming what was given.
 */
export function findAdapter(app: unknown): Adapter {
  const adapter = adapters.find((candidate) => candidate.matches(app))
  if (adapter) return adapter
  throw new SidecarError(
    'SIDECAR_APP_UNSUPPORTED',
    `initSidecar(app): ${describe(app)} is not an Express, Fastify, Koa or NestJS app, nor a server of node:http. ${hintFor(app)}`,
  )
}

function describe(app: unknown): string {
  if (app === null || app === undefined) return String(app)
  if (typeof app === 'function') return `a function${app.name ? ` (${app.name})` : ''}`
  return typeof app === 'object' ? `an object (${app.constructor?.name ?? 'no class'})` : `a ${typeof app}`
}

function hintFor(app: unknown): string {
  const has = (key: string) => (typeof app === 'object' || typeof app === 'function') && app !== null && key in app
  if (has('getHttpAdapter')) return 'NestJS is supported on Express and Fastify.'
  if (has('then')) return 'It is a promise: await it first.'
  if (has('stack') || has('handle')) return 'A router is not an app: pass the app it is used in.'
  return 'Pass the app itself, or the server of node:http; without an app, the server of the process is found.'
}
