import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { startChild, type Child } from './child.js'

const EXAMPLE = fileURLToPath(new URL('../../examples/orders', import.meta.url))

/** `npm run example:orders`, from the package as it is built. */
export interface Shop {
  readonly child: Child
  /** Where orders are placed. */
  readonly url: string
}

export async function startShop(env: Readonly<Record<string, string>> = {}): Promise<Shop> {
  const own = { NACOS_SERVER: undefined, RABBITMQ_URL: undefined, ...env }
  const child = startChild('--import', { args: ['tsx', 'start.ts'], cwd: EXAMPLE, env: own })
  const [, url] = await child.line(/"\}' (http:\S+)$/m)
  return { child, url: url! }
}

/** Two orders flow through its services, to their mails: one that the stock can serve, one that it cannot; a third one is refused. */
export async function shopAround({ child, url }: Shop): Promise<void> {
  const order = async (item: string, count: number) => {
    const body = JSON.stringify({ item, count, mail: `${item}@example.com` })
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    return { code: response.status, ...((await response.json()) as { id: string }) }
  }
  const tea = await order('tea', 2)
  const cups = await order('cup', 4)
  expect([tea, cups, await order('unicorn', 1)]).toMatchObject([{ code: 202 }, { code: 202 }, { code: 422 }])
  await child.line('mail to tea@example.com: Your tea is on its way')
  await child.line('mail to cup@example.com: We have no cup left')
  const found = async ({ id }: { id: string }) => (await fetch(`${url}/${id}`)).json()
  expect([await found(tea), await found(cups)]).toMatchObject([
    { status: 'confirmed', total: 900 },
    { status: 'rejected' },
  ])
}
