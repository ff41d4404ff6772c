import { onTestFinished } from 'vitest'
import { startChild, type Child, type ChildOptions } from './child.js'

const APP = new URL('../fixtures/apps/composed-app.mjs', import.meta.url)

export const FRAMEWORKS = ['express', 'fastify', 'koa', 'none'] as const
export type Framework = (typeof FRAMEWORKS)[number]

export interface ComposedApp extends Child {
  readonly port: number
}

/** An app on the built package, registered; see the fixture for its environment. */
export async function composedApp(
  registry: { readonly address: string },
  env: Readonly<Record<string, string>> = {},
  options: Omit<ChildOptions, 'env'> = {},
): Promise<ComposedApp> {
  const child = startChild(APP, { ...options, env: { REGISTRY: registry.address, ...env } })
  onTestFinished(() => void child.kill())
  const { port } = await child.message<{ port: number }>('listening')
  await child.message('registered')
  return Object.assign(child, { port })
}
