import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const EXAMPLE = fileURLToPath(new URL('../../examples/observability', import.meta.url))
const TSX = fileURLToPath(new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url))

test('examples/observability: exact figures of three services, one trace over all of them, and it ends by itself', async () => {
  const env = { ...process.env, NODE_ENV: undefined, VITEST: undefined, NODE_OPTIONS: undefined }
  const run = promisify(execFile)(process.execPath, [TSX, 'main.ts'], { cwd: EXAMPLE, env, timeout: 100_000 })
  const { stdout, stderr } = await run
  expect(stderr).toBe('')
  const figures = [...stdout.matchAll(/^(\w+) +(server|client|custom) +(.+?) +(\d+) +(\d+) +[\d.]+ ms +[\d.]+ ms$/gm)]
  expect(figures.map(([, ...columns]) => columns.join(' ')).sort()).toEqual(
    [
      'gateway server GET /carts/:user 100 0',
      'gateway client GET orders/orders/{user} 100 10',
      'gateway custom fill the cart 100 10',
      'orders server GET /orders/:user 100 0',
      'orders client GET prices/prices/{item} 180 0',
      'prices server GET /prices/:item 180 0',
      'prices custom read a price 180 0',
    ].sort(),
  )
  const [, tree = ''] = /\none trace:\n([^]*?)\n\n/.exec(stdout) ?? []
  expect(tree.split('\n').map((line) => line.replace(/ +[\d.]+ ms$/, '').replace(/ {2,}(?=\w+$)/, ' | '))).toEqual([
    'fill the cart | gateway',
    '└─ GET orders/orders/{user} → 200 | gateway',
    '   ├─ GET prices/prices/{item} → 200 | orders',
    '   │  └─ read a price | prices',
    '   └─ GET prices/prices/{item} → 200 | orders',
    '      └─ read a price | prices',
  ])
  expect(stdout).toMatch(/^prometheus: (?:not on the PATH, left out|http_server_requests_seconds_count.* is 100)$/m)
})
