import { expect, test, vi } from 'vitest'
import { restoreProcessAfterEach } from '../../support/command-in-process.js'
import { createProgram } from '../../../src/cli/program.js'
import { exitCodeOf, UsageError } from '../../../src/cli/usage-error.js'
import { devRegistry, form } from '../../support/registry.js'
import { ownPort } from '../../support/own-port.js'
import { tempFolder } from '../../support/temp-folder.js'

restoreProcessAfterEach()

/** The error of a command. */
async function failing(...args: string[]): Promise<Error> {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  try {
    await createProgram('0.0.0').parseAsync(['emit', ...args], { from: 'user' })
  } catch (error) {
    return error as Error
  }
  throw new Error('the command has not failed')
}

const folder = () => tempFolder({ 'bootstrap.yml': 'application.name: shop\ncloud.nacos.config.enabled: false' })
const flags = () => ['--config', folder()]

test('the memory of one process is no broker for another one: wrong use, with what to do', async () => {
  const error = await failing('shop', 'sold', '1', '--events-url', 'memory:', ...flags())
  expect(error).toBeInstanceOf(UsageError)
  expect(error.message).toMatch(/memory of the app's own process.*--events-url names a broker/)
})

test.each([
  ['no JSON', ['shop', 'sold', '{id:7}'], /no JSON: .*--content-type text\/plain/],
  ['no type', ['shop'], /missing required argument 'type'/],
  ['a header without a value', ['shop', 'sold', '-H', 'x'], /Expected name:value/],
])('%s is wrong use: exit code 2', async (_, args, message) => {
  const error = await failing(...args, '--events-url', 'amqp://localhost', ...flags())
  expect([exitCodeOf(error), error.message]).toEqual([2, expect.stringMatching(message)])
})

test('a broker that is down: the reason and no password, from the settings of Nacos or from the flag; exit code 1', async () => {
  const port = await ownPort()
  const registry = await devRegistry()
  const content = `spring.rabbitmq: { host: 127.0.0.1, port: ${port}, password: hidden-1 }\nsidecar.events.emit-timeout: 1500`
  await form(registry, 'POST', '/v1/cs/configs', { dataId: 'shop.yml', group: 'DEFAULT_GROUP', content })
  const config = tempFolder({
    'bootstrap.yml': `application.name: shop\ncloud.nacos.server-addr: ${registry.address}\nsidecar.events.emit-timeout: 1500`,
  })
  for (const given of [[], ['--events-url', `amqp://guest:hidden-1@127.0.0.1:${port}`]]) {
    const error = await failing('shop', 'sold', '{"id":7}', '--config', config, ...given)
    expect(exitCodeOf(error)).toBe(1)
    expect(error.message).toMatch(/not confirmed the event shop sold.*ECONNREFUSED/)
    expect(error.message).not.toContain('hidden-1')
  }
})
