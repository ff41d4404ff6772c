import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { bundled } from '../../support/bundled.js'
import { RawClient } from './grpc-client.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const cli = bundled(`${root}src/cli/main.ts`)

/** `nacos-sidecar dev` until the end of the test: what it printed, once it serves. */
async function dev(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [cli, 'dev', ...args], { cwd: root })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  await vi.waitFor(() => expect(stdout).toContain('Ctrl-C'), { timeout: 15_000 })
  return stdout
}

describe('nacos-sidecar dev', () => {
  it('serves gRPC on the port + 1000, and says where', async () => {
    const told = await dev('--port', '0')
    const [, port] = /server-addr: 127\.0\.0\.1:(\d+)/.exec(told)!
    expect(told).toContain(`gRPC       port ${Number(port) + 1_000}`)
    const client = new RawClient(`127.0.0.1:${Number(port) + 1_000}`)
    onTestFinished(() => client.close())
    expect((await client.request('ServerCheckRequest', {})).type).toBe('ServerCheckResponse')
  })

  it('takes a port of its own, or none', async () => {
    expect(await dev('--port', '0', '--grpc-port', '0')).toMatch(/gRPC {7}port \d+/)
    expect(await dev('--port', '0', '--no-grpc')).toMatch(/gRPC {7}off/)
    const refused = spawnSync(process.execPath, [cli, 'dev', '--grpc-port', '9x'], { cwd: root })
    expect([refused.status, refused.stderr.toString()]).toEqual([
      2,
      expect.stringContaining('Expected an integer 0–65535'),
    ])
  })
})
