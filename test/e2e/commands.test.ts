import { afterEach, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { ownPort } from '../support/own-port.js'
import { tempFolder } from '../support/temp-folder.js'

const CLI = new URL('../../dist/cli/main.js', import.meta.url)

afterEach(killChildren)

// In a process of their own, where nothing else keeps the event loop alive while a command waits.
test.each([
  [
    'emit',
    ['shop', 'sold', '1', '--events-url', 'amqp://127.0.0.1:PORT'],
    /not confirmed the event shop sold.*ECONNREFUSED/,
  ],
  ['call', ['user-service', 'GET', '/users/7'], /127\.0\.0\.1:PORT: connection refused \(ECONNREFUSED\)/],
  ['services', [], /127\.0\.0\.1:PORT: connection refused \(ECONNREFUSED\)/],
])('%s without what it asks: the reason, and exit code 1', async (command, args, said) => {
  const port = String(await ownPort())
  const cwd = tempFolder({
    'bootstrap.yml': `application.name: shop\ncloud.nacos.server-addr: 127.0.0.1:${port}\nsidecar.events.emit-timeout: 1000`,
  })
  const child = startChild(CLI, { args: [command, ...args.map((one) => one.replace('PORT', port))], cwd })
  const { code } = await child.exited
  expect(child.stderr).toMatch(new RegExp(said.source.replace('PORT', port)))
  expect([code, child.stdout]).toEqual([1, ''])
})
