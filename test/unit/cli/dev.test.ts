import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { bundled } from '../../support/bundled.js'

const root = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

function cli(args: readonly string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(process.execPath, [bundled(root('src/cli/main.ts')), ...args], {
    cwd: root('.'),
    env: { ...process.env, NODE_ENV: 'test', ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const out = { stdout: '', stderr: '' }
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (out.stdout += text))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (out.stderr += text))
  const exited = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }))
  const addressIn = () => vi.waitFor(() => /server-addr: (127\.0\.0\.1:\d+)/.exec(out.stdout)![1]!, { timeout: 15_000 })
  return { child, out, exited, addressIn }
}

describe('nacos-sidecar', () => {
  it('prints its version and its help', async () => {
    const version = cli(['--version'])
    const help = cli(['--help'])
    expect([(await version.exited).code, (await help.exited).code]).toEqual([0, 0])
    expect(version.out.stdout.trim()).toBe(
      (JSON.parse(readFileSync(root('package.json'), 'utf8')) as { version: string }).version,
    )
    expect(help.out.stdout).toContain('dev [options]')
  })

  it('refuses a command it does not know', async () => {
    const unknown = cli(['nothing'])
    expect((await unknown.exited).code).toBe(2)
    expect(unknown.out.stderr).toContain('nothing')
  })
})

describe('nacos-sidecar dev', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('serves, prints events, and ends with 0 on %s', async (signal) => {
    const { child, out, exited, addressIn } = cli(['dev', '--port', '0'])
    const address = await addressIn()
    expect(out.stdout).toContain('auth off, configs in memory')
    const body = new URLSearchParams({ ip: '10.0.0.1', port: '8080', serviceName: 'orders\u001b[31m' })
    expect(await (await fetch(`http://${address}/nacos/v1/ns/instance`, { method: 'POST', body })).text()).toBe('ok')
    await vi.waitFor(() => expect(out.stdout).toMatch(/registered +orders\?\[31m {2}10\.0\.0\.1:8080/))
    child.kill(signal)
    expect(await exited).toEqual({ code: 0, signal: null })
    expect(out.stdout).toContain('Registry stopped.')
    expect(out.stderr).toBe('')
  })

  it('turns auth on without showing the password', async () => {
    const { out, addressIn } = cli(['dev', '--port', '0', '--token-ttl', '60'], {
      NACOS_SIDECAR_DEV_AUTH: 'dev:canary:password',
    })
    const address = await addressIn()
    const login = (password: string) =>
      fetch(`http://${address}/nacos/v1/auth/login`, {
        method: 'POST',
        body: new URLSearchParams({ username: 'dev', password }),
      })
    expect(await (await login('canary:password')).json()).toMatchObject({ tokenTtl: 60, username: 'dev' })
    // As Nacos 3 answers over v1.
    expect((await login('wrong')).status).toBe(500)
    expect(out.stdout + out.stderr).not.toContain('canary')
  })

  it('says plainly that the port is in use', async () => {
    const first = cli(['dev', '--port', '0', '--quiet'])
    const port = await vi.waitFor(() => /^127\.0\.0\.1:(\d+)$/m.exec(first.out.stdout)![1]!, { timeout: 15_000 })
    const second = cli(['dev', '--port', port])
    expect((await second.exited).code).toBe(1)
    expect(second.out.stderr).toContain(`Port ${port} on 127.0.0.1 is in use`)
    expect(second.out.stderr).not.toContain('    at ')
  })

  it.each([
    [['--port', '80a'], 2, 'Expected an integer 0–65535'],
    [['--api', 'v2'], 2, 'Expected v1, v3 or v1,v3'],
    [['--auth', 'canary'], 1, 'expected user:password'],
    [['--host', '0.0.0.0'], 1, '--allow-remote'],
  ])('refuses %j with exit code %i', async (args, code, why) => {
    const { out, exited } = cli(['dev', ...args])
    expect((await exited).code).toBe(code)
    expect(out.stderr).toContain(why)
    expect(out.stderr).not.toContain('canary')
  })
})
