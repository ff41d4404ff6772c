import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { createSidecar, type Sidecar, type SidecarOptions } from 'nacos-sidecar'
import { onTestFinished } from 'vitest'
import { collectLog } from './collect.js'

/** A sidecar in this process that stops with the test. `lines`: what it logged, as `level message`. */
export type LoggedSidecar = Sidecar & { readonly lines: string[] }

function open(settings: object, options: Parameters<typeof createSidecar>[0] = {}): LoggedSidecar {
  const logger = collectLog()
  const sidecar = createSidecar({ configPath: false, settings, logger, signals: false, ...options })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return Object.assign(sidecar, { lines: logger.lines })
}

export interface Member {
  readonly sidecar: LoggedSidecar
  readonly url: string
  readonly lines: string[]
}

/** An app in this process with a sidecar of its own, registered, until the test ends. */
export async function join(
  app: { listen(port: number, host: string): Server },
  settings: object,
  options: Partial<SidecarOptions> = {},
): Promise<Member> {
  const sidecar = open(settings, { app, ...options })
  const registered = once(sidecar, 'registered')
  const server = app.listen(0, '127.0.0.1')
  await registered
  return { sidecar, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines: sidecar.lines }
}

/** A sidecar that only looks and calls, until the test ends; it is ready. */
export async function observer(settings: object, options: Partial<SidecarOptions> = {}): Promise<Sidecar> {
  return open({ ...settings, 'cloud.nacos.discovery.register-enabled': false }, options).ready
}

/** The same over the v1 API of a server that may not be there yet. */
export function quietSidecar(server: string, settings: Record<string, unknown> = {}): LoggedSidecar {
  return open({
    'cloud.nacos.server-addr': server,
    'cloud.nacos.api-version': 'v1',
    'cloud.nacos.discovery.register-enabled': false,
    'cloud.nacos.config.timeout': 2_000,
    ...settings,
  })
}

/** The log lines of these levels. */
export function alerts({ lines }: { lines: readonly string[] }): string[] {
  return lines.filter((line) => /^(warn|error) /.test(line))
}

/** Answers everything with this JSON. */
export const answering =
  (body: unknown, status = 200): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
