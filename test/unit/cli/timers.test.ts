import { createServer } from 'node:http'
import { writeFileSync, readFileSync } from 'node:fs'
import { join as pathOf } from 'node:path'
import express from 'express'
import { expect, onTestFinished, test, vi } from 'vitest'
import { restoreProcessAfterEach } from '../../support/command-in-process.js'
import { createProgram } from '../../../src/cli/program.js'
import { serve } from '../../support/frameworks.js'
import { answering, join } from '../../support/member.js'
import { ownPort } from '../../support/own-port.js'
import { testRegistry } from '../../support/registry.js'
import { tempFolder } from '../../support/temp-folder.js'

restoreProcessAfterEach()

/** Runs a command in this process; what it prints, and its exit code. */
async function cli(...args: string[]) {
  const [out, errors]: [string[], string[]] = [[], []]
  vi.spyOn(console, 'log').mockImplementation((text: string) => void out.push(text))
  vi.spyOn(console, 'error').mockImplementation((text: string) => void errors.push(text))
  await createProgram('0.0.0').parseAsync(args, { from: 'user' })
  const code = process.exitCode
  process.exitCode = undefined
  return { out: out.join('\n'), errors: errors.join('\n'), code }
}

/** A registered app with two timers, one of which has failed. */
async function startTicking(settings: object = {}) {
  const registry = await testRegistry()
  const { sidecar, url } = await join(express(), registry.settings({ 'application.name': 'rates', ...settings }), {
    verify: (token) => token === 'good',
  })
  const nightly = sidecar.timer('nightly', { cron: '0 30 2 * * *', timezone: 'Europe/Berlin' }, () => {}, { on: 'one' })
  const broken = sidecar.timer('broken', { every: '1h' }, () => {
    throw new Error('no rates from amqp://guest:hidden-1@broker\u001b[31m')
  })
  await nightly.run()
  await broken.run().catch(() => {})
  const config = tempFolder({
    'bootstrap.yml': `application.name: rates\ncloud.nacos.server-addr: ${registry.address}`,
  })
  return { registry, url, flags: ['--config', config] }
}

test('the timers of each instance: schedule, next and last run, figures, the last error with its secrets masked', async () => {
  const { url, flags } = await startTicking()
  const { host, port } = new URL(url)
  const { out, errors, code } = await cli('timers', ...flags)
  const [head, nightly, broken, ...more] = out.split('\n').map((line) => line.split(/ {2,}/))
  expect(head!.slice(0, 4)).toEqual(['instance', 'timer', 'schedule', 'on'])
  expect(nightly!.slice(0, 4)).toEqual([host, 'nightly', '0 30 2 * * * (Europe/Berlin)', 'one'])
  expect(nightly![4]).toMatch(/^(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d$/)
  expect(broken!.slice(1, 4)).toEqual(['broken', 'every 1h', 'each'])
  expect(broken!.at(-1)).toBe('no rates from amqp://guest:***@broker\\u001b[31m')
  expect([more, errors, code]).toEqual([[], '', undefined])

  const json = JSON.parse((await cli('timers', '--json', '--port', port)).out) as Record<string, unknown>[]
  expect(json).toMatchObject([
    {
      instance: host,
      timers: [
        { name: 'nightly', runs: 1 },
        { name: 'broken', failures: 1 },
      ],
    },
  ])
  expect(JSON.stringify(json)).not.toContain('hidden-1')
})

test('behind the guard the token of NACOS_SIDECAR_TOKEN is sent; without one the reason is said, exit code 1', async () => {
  const { flags } = await startTicking({ 'auth.enabled': true })
  expect(await cli('timers', 'rates', ...flags)).toMatchObject({
    out: '',
    errors: expect.stringMatching(/^127\.0\.0\.1:\d+ could not be asked: HTTP 401/) as string,
    code: 1,
  })
  vi.stubEnv('NACOS_SIDECAR_TOKEN', 'good')
  expect((await cli('timers', 'rates', ...flags)).out).toContain('nightly')
})

test.each([
  ['nothing listens', ownPort, /does not answer on port \d+: .*ECONNREFUSED/],
  ['it has no such page', () => started(404, { message: 'x' }), /has no \/_sidecar/],
  ['it answers something else', () => started(200, ['a']), /is no report/],
  ['it is an earlier version', () => started(200, { version: 1 }), /does not tell of timers/],
])('%s: the reason, and exit code 1', async (_, port, reason) => {
  const { errors, code } = await cli('timers', '--port', String(await port()))
  expect(errors).toMatch(reason)
  expect(code).toBe(1)
})

test('what a program that is none of ours answers is shown as text of a line', async () => {
  const timer = { name: { toString: 1 }, schedule: 'a\nb', on: 7, nextAt: 'soon', runs: 'many', lastError: null }
  const port = await started(200, { version: 1, timers: [null, 7, timer, { name: '\u001b[2Jx' }] })
  const { out } = await cli('timers', '--port', String(port))
  expect(out.split('\n')).toHaveLength(3)
  expect(out).toContain('a\\nb')
  expect(out).toContain('\\u001b[2Jx')
})

test('a service without an instance, and a folder that names none', async () => {
  const { flags } = await startTicking()
  expect(await cli('timers', 'absent', ...flags)).toEqual({ out: '', errors: 'absent has no instance.', code: 1 })
})

test('the shell has timers() as well', async () => {
  const { flags } = await startTicking()
  const folder = tempFolder({})
  const [file, out] = [pathOf(folder, 'script.mjs'), pathOf(folder, 'out.json')]
  writeFileSync(
    file,
    `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(out)}, JSON.stringify(await timers()))`,
  )
  await cli('shell', file, ...flags)
  expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject([{ timers: [{ name: 'nightly' }, { name: 'broken' }] }])
})

async function started(status: number, body: unknown): Promise<number> {
  const running = await serve(createServer(answering(body, status)))
  onTestFinished(() => running.close())
  return running.port
}
