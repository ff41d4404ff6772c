/**
 * Writes the instances of a service in Nacos as the servers of an nginx upstream, and reloads nginx when they change:
 *
 *   NACOS_SERVER=nacos:8848 node follow.mjs orders /etc/nginx/upstreams/orders.conf
 *
 * For instances that come and go at addresses that are not known before. It is no part of a request's way: without it, or
 * without Nacos, nginx goes on with the last list. NGINX is the command that reloads, `nginx` if it is not set.
 */
import { execFile } from 'node:child_process'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { initSidecar } from 'nacos-sidecar'

const [service, file] = process.argv.slice(2)
if (!service || !file) {
  console.error('usage: node follow.mjs SERVICE FILE')
  process.exit(2)
}
/** Each reload starts new workers, and the old ones close the idle connections of clients. */
const BETWEEN_RELOADS_MS = 1_000

const run = promisify(execFile)
const [nginx, ...options] = (process.env.NGINX ?? 'nginx').split(' ')

const server = ({ ip, port, weight }) => {
  const address = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
  // nginx knows whole numbers only.
  return `server ${address} weight=${Math.max(1, Math.round(weight * 10))} max_fails=1 fail_timeout=2s;`
}

const sidecar = await initSidecar(undefined, {
  settings: { cloud: { nacos: { discovery: { registerEnabled: false }, config: { enabled: false } } } },
})

let current = await readFile(file, 'utf8').catch(() => '')
for await (const { instances } of sidecar.discovery.watch(service)) {
  const list = `# Written by follow.mjs\n${instances.map(server).sort().join('\n')}\n`
  // An upstream without a server is an error to nginx, and none to reach is no reason to forget those that were.
  if (instances.length === 0 || list === current) continue
  await writeFile(`${file}.new`, list)
  await rename(`${file}.new`, file)
  try {
    // nginx tests the files first, and goes on with the old ones where they are wrong.
    await run(nginx, [...options, '-s', 'reload'])
    current = list
    console.log(`${service}: ${instances.map(({ ip, port }) => `${ip}:${port}`).join(', ')}`)
  } catch (error) {
    console.error(`nginx was not reloaded: ${error.stderr || error.message}`)
  }
  await sleep(BETWEEN_RELOADS_MS)
}
