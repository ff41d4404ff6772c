import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import type { ContractTarget } from '../../contract/support/target.js'

/** A Java caller under steady load, with Spring's own defaults. */
export interface SpringCaller {
  readonly name: string
  /** GETs sent so far. */
  sent(): number
  /** What failed so far. */
  readonly failures: readonly string[]
  /** Lets the calls end. */
  finish(): Promise<void>
  stop(): Promise<void>
}

export interface SpringCallerOptions {
  readonly classPath: string
  readonly target: Pick<ContractTarget, 'server' | 'auth'>
  readonly service: string
  /** Calls a second. */
  readonly rate: number
}

/** How long a JVM on a busy machine may take to begin. */
const START_MS = 120_000

interface Java {
  message<T>(type: string, timeoutMs?: number): Promise<T>
  readonly messages: readonly Record<string, unknown>[]
  end(): void
  stop(): Promise<void>
}

function startJava(main: string, { classPath, target, service, rate }: SpringCallerOptions): Java {
  // nacos-client keeps caches and logs in the home folder; this one is its own.
  const home = mkdtempSync(join(tmpdir(), 'nacos-sidecar-spring-'))
  const child = spawn(
    'java',
    [
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Duser.home=${home}`, '-Dfile.encoding=UTF-8'],
      ...['-cp', classPath, main],
    ],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: home,
      env: {
        ...process.env,
        SERVICE: service,
        RATE: String(rate),
        SPRING_CLOUD_NACOS_DISCOVERY_SERVER_ADDR: target.server,
        ...(target.auth && {
          SPRING_CLOUD_NACOS_DISCOVERY_USERNAME: target.auth.username,
          SPRING_CLOUD_NACOS_DISCOVERY_PASSWORD: target.auth.password,
        }),
      },
    },
  )
  const messages: Record<string, unknown>[] = []
  let output = ''
  let ended = false
  const keep = (text: string) => (output = (output + text).slice(-6_000))
  child.stderr.on('data', (chunk: Buffer) => keep(String(chunk)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) messages.push(JSON.parse(line) as Record<string, unknown>)
    else keep(`${line}\n`)
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => ((ended = true), resolve())))
  return {
    messages,
    async message<T>(type: string, timeoutMs = START_MS) {
      for (const until = performance.now() + timeoutMs; performance.now() < until; await sleep(100)) {
        const found = messages.find((message) => message['type'] === type)
        if (found) return found as T
        if (ended) break
      }
      throw new Error(`${main} never said ${type}:\n${output}`)
    },
    end: () => void child.stdin.write('end\n'),
    async stop() {
      child.kill('SIGKILL')
      await exited
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** OpenFeign over Spring Cloud LoadBalancer, calling by itself. */
export async function startFeignCaller(options: SpringCallerOptions): Promise<SpringCaller> {
  const java = startJava('callers.FeignCaller', options)
  await java.message('calling')
  return {
    name: 'OpenFeign',
    // It says so every thousand calls.
    sent: () => Math.max(0, ...java.messages.map(({ sent }) => Number(sent ?? 0))),
    get failures() {
      return java.messages.filter(({ type }) => type === 'failure').map(({ message }) => String(message))
    },
    async finish() {
      java.end()
      await java.message('result', 90_000)
    },
    stop: java.stop,
  }
}

/** Spring Cloud Gateway in front of the service, called from here. */
export async function startGatewayCaller(options: SpringCallerOptions): Promise<SpringCaller> {
  const java = startJava('callers.Gateway', options)
  const { port } = await java.message<{ port: number }>('listening')
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 64 })
  const failures: string[] = []
  const get = async (id: number) => {
    const { statusCode, body } = await pool.request({ method: 'GET', path: `/items/${id}` })
    const text = await body.text()
    if (statusCode !== 200 || !text.includes(`/items/${id}`)) throw new Error(`${statusCode} ${text.slice(0, 200)}`)
  }
  // The first call makes the load balancer of the service.
  for (const until = performance.now() + START_MS; ; await sleep(200)) {
    const failed = await get(0).then(() => undefined, String)
    if (failed === undefined) break
    if (performance.now() > until) throw new Error(`the gateway does not reach ${options.service}: ${failed}`)
  }

  let sent = 0
  let pending = 0
  const began = performance.now()
  const timer = setInterval(() => {
    for (const owed = ((performance.now() - began) / 1000) * options.rate; sent < owed;) {
      pending++
      void get(++sent)
        .catch((error: unknown) => failures.push(String(error)))
        .finally(() => pending--)
    }
  }, 5)
  return {
    name: 'Spring Cloud Gateway',
    sent: () => sent,
    failures,
    async finish() {
      clearInterval(timer)
      while (pending > 0) await sleep(20)
    },
    async stop() {
      clearInterval(timer)
      await pool.destroy().catch(() => {})
      await java.stop()
    },
  }
}
