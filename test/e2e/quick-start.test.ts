import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startTestRegistry } from 'nacos-sidecar/testing'
import { afterEach, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { blocksOf } from '../support/doc-pages.js'
import { tempFolder } from '../support/temp-folder.js'

afterEach(killChildren)

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const page = blocksOf('docs/quick-start.md')
const files = Object.fromEntries(page.flatMap(({ notes, code }) => (notes['file'] ? [[notes['file'], code]] : [])))
const run = (name: string) => page.findIndex(({ notes }) => notes['run'] === name)
/** The answer that the page shows below a command. */
const shownBelow = (name: string): unknown => JSON.parse(page[run(name) + 1]!.code)

test('docs/quick-start.md: its files run, and answer what the page shows', async () => {
  await using registry = await startTestRegistry()
  const project = tempFolder({ ...files, 'package.json': '{"name":"quick-start","type":"module"}' })
  // What `npm install nacos-sidecar express` makes.
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(ROOT, join(project, 'node_modules/nacos-sidecar'))
  symlinkSync(join(ROOT, 'node_modules/express'), join(project, 'node_modules/express'))
  const start = (service: string) =>
    startChild('main.js', {
      cwd: join(project, service),
      // The page has fixed ports and the whole machine for itself; a test has neither.
      env: { NACOS_SERVER: registry.address, NACOS_SERVICE_IP: '127.0.0.1', SERVER_PORT: '0' },
    })
  const registered = async (child: ReturnType<typeof start>) =>
    (await child.line(/ registered .*?(\d+\.[\d.]+:\d+)/))[1]!

  const hello = start('hello')
  await registered(hello)
  const web = start('web')
  const address = await registered(web)
  const answer = async () => (await fetch(`http://${address}/`)).json()
  expect(await answer()).toEqual(shownBelow('greets'))

  const [, data = ''] = /-d '([^']*)'/.exec(page[run('publishes')]!.code) ?? []
  const published = await fetch(`${registry.server.url}/nacos/v1/cs/configs`, {
    method: 'POST',
    body: data,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  expect(await published.text()).toBe('true')
  await expect.poll(answer, { timeout: 20_000, interval: 50 }).toEqual(shownBelow('publishes'))

  const second = start('hello')
  await registered(second)
  const calls: Promise<Response>[] = []
  const timer = setInterval(() => calls.push(fetch(`http://${address}/`)), 10)
  hello.signal('SIGINT')
  await hello.exited
  clearInterval(timer)
  const answers = await Promise.all(calls.map(async (call) => (await call).status))
  expect(new Set(answers)).toEqual(new Set([200]))
})
