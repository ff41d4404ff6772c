import { onTestFinished } from 'vitest'
import { startDevServer } from '../../src/dev-server/index.js'
import type { DevServer, DevServerOptions } from '../../src/dev-server/index.js'

/**
 * An embedded registry that ends with the test.
 *
 * @param finished that of the test's own context where tests run at the same time.
 */
export async function devRegistry(
  options: DevServerOptions = {},
  finished: (cleanUp: () => Promise<void>) => void = onTestFinished,
): Promise<DevServer> {
  const registry = await startDevServer(options)
  finished(() => registry.stop())
  return registry
}

/** A form request to a registry, as a plain HTTP client sends it. */
export async function form(
  registry: DevServer,
  method: string,
  path: string,
  fields: Record<string, string | number> = {},
  headers: Record<string, string> = {},
) {
  const body = new URLSearchParams(
    Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]),
  )
  const query = method === 'GET' || method === 'DELETE'
  const response = await fetch(`${registry.url}/nacos${path}${query ? `?${body}` : ''}`, {
    method,
    headers,
    ...(!query && { body }),
  })
  return { status: response.status, headers: response.headers, body: await response.text() }
}
