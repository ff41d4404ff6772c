import { execFile } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { loadAll } from 'js-yaml'
import type { DevServer } from 'nacos-sidecar/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { killChildren, startChild, type Child } from '../support/child.js'
import { ownPort } from '../support/own-port.js'
import { devRegistry } from '../support/registry.js'
import { tempFolder } from '../support/temp-folder.js'
import { lintCompose, lintDockerfile, lintKubernetes } from './servers/linters.js'
import { replaceIn } from './servers/nginx.js'
import { builtOrders, DEPLOY, ordersRegistered } from './support/orders.js'
import { plainSend, steadyLoad, type Send } from './support/steady-load.js'

const run = promisify(execFile)
/** The first run installs what the test uses. */
const INSTALL_MS = 300_000
const ROOT = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(join(DEPLOY, path), 'utf8')
const has = (command: string, ...args: string[]) =>
  run(command, args).then(
    () => true,
    () => false,
  )

let folder: string
beforeAll(async () => void (folder = await builtOrders(afterAll)))
afterAll(() => killChildren())

/** A line of a unit or of a Dockerfile as a process of the app's folder; the command is a program of Node. */
function startLine(words: readonly string[], env: NodeJS.ProcessEnv): Child {
  const [command, ...args] = words
  if (command === 'node') return startChild(args.at(-1)!, { execArgv: args.slice(0, -1), cwd: folder, env })
  const program = command!.replace('node_modules/.bin/nacos-sidecar', 'node_modules/nacos-sidecar/dist/cli/main.js')
  return startChild(join(folder, program), { args, cwd: folder, env })
}

const envFor = (registry: DevServer, port: number) => ({
  ...{ NODE_ENV: 'production', NACOS_SERVER: registry.address, NACOS_SERVICE_IP: '127.0.0.1', PORT: String(port) },
})

describe('examples/deploy/systemd', () => {
  const unit = read('systemd/orders@.service')
  /** The values of a key, in order, for the instance of this port. */
  const valuesOf = (key: string, port: number) =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value!.replaceAll('%i', String(port)))
  const seconds = (text: string) => Number(/^(\d+)s?$/.exec(text)![1])

  test('systemd-analyze: nothing to say of the unit, and little that it could be exposed to', async ({ skip }) => {
    if (!(await has('systemd-analyze', '--version'))) skip('systemd is not installed')
    const file = join(tempFolder(), 'orders@9202.service')
    cpSync(join(DEPLOY, 'systemd/orders@.service'), file)
    // It has to be where this machine has it.
    replaceIn(file, '/usr/bin/node', process.execPath)
    const { stdout, stderr } = await run('systemd-analyze', ['verify', file])
    expect(stdout + stderr).toBe('')
    // Of 100; a service without any hardening has 96.
    await run('systemd-analyze', ['security', '--offline=true', '--threshold=20', file])
  })

  test(
    'its own lines: ExecStartPost waits until it is ready, KillSignal under load fails no request',
    { timeout: 120_000 },
    async () => {
      const registry = await devRegistry()
      const port = await ownPort()
      const environment = Object.fromEntries(
        valuesOf('Environment', port).flatMap((line) =>
          line.split(' ').map((pair) => pair.split('=') as [string, string]),
        ),
      )
      expect(environment).toMatchObject({ NODE_ENV: 'production', PORT: String(port) })
      const [command, ...args] = valuesOf('ExecStart', port)[0]!.split(' ')
      expect(command).toBe('/usr/bin/node')
      const child = startLine(['node', ...args], {
        ...envFor(registry, port),
        ...environment,
        SIDECAR_SNAPSHOT_DIR: 'off',
      })
      const [post, ...flags] = valuesOf('ExecStartPost', port)[0]!.split(' ')
      if (await has(post!, '--version')) await run(post!, flags)
      else await ordersRegistered(registry, port)

      const load = steadyLoad([plainSend(`http://127.0.0.1:${port}`)], { callers: 8 })
      await load.reached(500)
      const limitMs = seconds(valuesOf('TimeoutStopSec', port)[0]!) * 1_000
      expect(seconds(environment['SIDECAR_LEAVE_TIMEOUT']!) * 1_000).toBe(limitMs - 1_000)
      child.signal(valuesOf('KillSignal', port)[0] as NodeJS.Signals)
      // Callers come for a while.
      await child.line('serving for another')
      await load.reached(load.seen.sent + 500)
      await load.stop()
      expect(load.seen.failed).toEqual([])
      const began = performance.now()
      expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
      expect(performance.now() - began).toBeLessThan(limitMs)
      expect(valuesOf('SuccessExitStatus', port)[0]!.split(' ')).toContain('SIGTERM')
    },
  )
})

describe('examples/deploy/orders: Docker', () => {
  const dockerfile = read('orders/Dockerfile').replaceAll('\\\n', ' ')
  const words = (line: RegExp) => JSON.parse(line.exec(dockerfile)![1]!) as string[]

  test('hadolint and dclint find nothing', { timeout: INSTALL_MS }, async () => {
    expect(await lintDockerfile(join(DEPLOY, 'orders/Dockerfile'))).toBe('')
    expect(await lintCompose(join(DEPLOY, 'orders/compose.yaml'))).toBe('')
  })

  test(
    'its CMD gets the signals itself; its HEALTHCHECK says what it asks, also without Nacos',
    { timeout: 120_000 },
    async () => {
      const registry = await devRegistry()
      const port = await ownPort()
      const [name, value] = /(SIDECAR_\w+)=(\S+)/.exec(dockerfile)!.slice(1) as [string, string]
      expect([name, value]).toEqual(['SIDECAR_SNAPSHOT_DIR', '/snapshots'])
      const env = { ...envFor(registry, port), SIDECAR_DRAIN: '0' }
      const health = async () => {
        const { code } = await startLine(words(/^HEALTHCHECK .*CMD (\[.*\])$/m), env).exited
        return code
      }
      expect(await health()).toBe(1)
      const child = startLine(words(/^CMD (\[.*\])$/m), env)
      await ordersRegistered(registry, port)
      expect(await health()).toBe(0)
      await registry.stop()
      expect(await health()).toBe(0)
      child.signal('SIGTERM')
      expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
    },
  )

  test('docker build, and the container is healthy', { timeout: 600_000 }, async ({ skip }) => {
    if (!(await has('docker', 'info'))) skip('no Docker daemon answers')
    const context = tempFolder()
    cpSync(join(DEPLOY, 'orders'), context, { recursive: true })
    // This package is not the one that a registry has.
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', context], { cwd: ROOT })
    await run('sh', ['-c', 'mv nacos-sidecar-*.tgz nacos-sidecar.tgz'], { cwd: context })
    replaceIn(join(context, 'package.json'), '"^0.1.0"', '"file:nacos-sidecar.tgz"')
    replaceIn(join(context, 'Dockerfile'), 'COPY package*.json ./', 'COPY package*.json nacos-sidecar.tgz ./')
    replaceIn(join(context, 'Dockerfile'), 'npm ci', 'npm install')
    const tag = `nacos-sidecar-orders-${process.pid}`
    await run('docker', ['build', '--tag', tag, context])
    try {
      const { stdout } = await run('docker', ['run', '--detach', '--rm', '--env', 'NACOS_SERVER=127.0.0.1:1', tag])
      const id = stdout.trim()
      const state = async () =>
        (await run('docker', ['inspect', '--format', '{{.State.Health.Status}}', id])).stdout.trim()
      await expect.poll(state, { timeout: 60_000, interval: 500 }).toBe('healthy')
      await run('docker', ['stop', '--time', '20', id])
    } finally {
      await run('docker', ['rmi', '--force', tag])
    }
  })
})

describe('examples/deploy/kubernetes', () => {
  interface Probe {
    readonly httpGet: { readonly path: string; readonly port: string }
    readonly periodSeconds: number
    readonly timeoutSeconds: number
    readonly failureThreshold: number
  }
  interface Variable {
    readonly name: string
    readonly value?: string
    readonly valueFrom?: {
      readonly fieldRef?: { readonly fieldPath: string }
      readonly secretKeyRef?: { readonly key: string }
    }
  }
  interface Pod {
    readonly terminationGracePeriodSeconds: number
    readonly containers: readonly [
      {
        readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
        readonly env: readonly Variable[]
        readonly readinessProbe: Probe
        readonly livenessProbe: Probe
        readonly startupProbe: Probe
        readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
      },
    ]
  }
  interface Manifest {
    readonly kind: string
    readonly spec: { readonly selector: { readonly matchLabels?: object } }
  }
  interface Deployment {
    readonly spec: { readonly template: { readonly metadata: { readonly labels: object }; readonly spec: Pod } }
  }
  const [deployment] = loadAll(read('kubernetes/deployment.yaml')) as [Deployment]
  const pod = deployment.spec.template.spec
  const [container] = pod.containers

  test(
    'kubectl makes one set of them, and the schemas of Kubernetes 1.30 and 1.37 know each field',
    { timeout: INSTALL_MS },
    async ({ skip }) => {
      if (!(await has('kubectl', 'version', '--client'))) skip('kubectl is not installed')
      const { stdout: manifests } = await run('kubectl', ['kustomize', join(DEPLOY, 'kubernetes')])
      const objects = loadAll(manifests) as Manifest[]
      expect(objects.map(({ kind }) => kind).sort()).toEqual(['Deployment', 'PodDisruptionBudget', 'Service'])
      const labels = { 'app.kubernetes.io/name': 'orders' }
      expect(deployment.spec.template.metadata.labels).toEqual(labels)
      for (const { spec } of objects) expect(spec.selector.matchLabels ?? spec.selector).toEqual(labels)
      for (const version of ['1.30.0', '1.37.0']) expect(await lintKubernetes(manifests, version)).toBe('')
      expect(await lintKubernetes(manifests.replace('periodSeconds', 'periodSecond'), '1.37.0')).toContain(
        'periodSecond',
      )
    },
  )

  interface RunningPod {
    readonly child: Child
    readonly port: number
    /** The status of a probe. */
    ask(probe: Probe): Promise<number>
  }

  async function startPod(registry: DevServer): Promise<RunningPod> {
    const port = await ownPort()
    const ports: Record<string, number> = { http: port, management: await ownPort() }
    const given: Record<string, string> = {
      ...{ 'status.podIP': '127.0.0.1', username: 'nacos', password: 'secret' },
      ...{ NACOS_SERVER: registry.address, MANAGEMENT_SERVER_PORT: String(ports['management']) },
    }
    const variables = container.env.map(({ name, value, valueFrom }) => {
      const from = valueFrom?.fieldRef?.fieldPath ?? valueFrom?.secretKeyRef?.key
      return [name, given[name] ?? (from === undefined ? value! : given[from]!)] as const
    })
    const env = { NODE_ENV: 'production', PORT: String(port), ...Object.fromEntries(variables) }
    const child = startChild(join(folder, 'dist/main.js'), { cwd: folder, env })
    return {
      child,
      port,
      async ask({ httpGet: { path, port: name }, timeoutSeconds }) {
        try {
          const headers = { 'user-agent': 'kube-probe/1.32' }
          const signal = AbortSignal.timeout(timeoutSeconds * 1_000)
          const response = await fetch(`http://127.0.0.1:${ports[name]}${path}`, { signal, headers })
          await response.arrayBuffer()
          return response.status
        } catch {
          return 0
        }
      },
    }
  }

  /** As the kubelet does it: asked each period, until it says yes. */
  async function started(running: RunningPod): Promise<void> {
    const { startupProbe: probe } = container
    for (let failures = 0; (await running.ask(probe)) !== 200; failures++) {
      expect(failures).toBeLessThan(probe.failureThreshold)
      await sleep(probe.periodSeconds * 1_000)
    }
  }

  test(
    'a rolling update by its own numbers, endpoints that lag behind: 0 requests fail',
    { timeout: 150_000 },
    async () => {
      const registry = await devRegistry({ auth: { username: 'nacos', password: 'secret' } })
      const pods = [await startPod(registry), await startPod(registry)]
      await Promise.all(pods.map(started))
      const sends = new Map<RunningPod, Send>()
      const endpoints = new Set<RunningPod>()
      const add = (one: RunningPod) => (sends.set(one, plainSend(`http://127.0.0.1:${one.port}`)), endpoints.add(one))
      pods.forEach(add)
      let turn = 0
      const load = steadyLoad([(...request) => sends.get([...endpoints][turn++ % endpoints.size]!)!(...request)], {
        callers: 12,
      })
      await load.reached(500)

      const preStopMs = container.lifecycle.preStop.sleep.seconds * 1_000
      const graceMs = pod.terminationGracePeriodSeconds * 1_000
      async function terminate(old: RunningPod): Promise<void> {
        const kill = setTimeout(() => old.child.signal('SIGKILL'), graceMs)
        // The new endpoints reach the last node when the process has had its signal for a while.
        const removed = sleep(preStopMs + 3_000).then(() => endpoints.delete(old))
        await sleep(preStopMs)
        expect(await old.ask(container.readinessProbe)).toBe(200)
        old.child.signal('SIGTERM')
        await old.child.line('serving for another')
        expect(await old.ask(container.readinessProbe)).toBe(503)
        expect(await old.ask(container.livenessProbe)).toBe(200)
        await removed
        expect(await old.child.exited).toEqual({ code: null, signal: 'SIGTERM' })
        clearTimeout(kill)
      }
      // maxSurge 1, maxUnavailable 0: the next one is ready before an old one goes.
      const terminating: Promise<void>[] = []
      for (const old of pods) {
        const next = await startPod(registry)
        await started(next)
        add(next)
        terminating.push(terminate(old))
      }
      await Promise.all(terminating)
      await load.reached(5_000)
      await load.stop()
      expect(load.seen.failed).toEqual([])
      expect(load.seen.pids.size).toBe(4)
    },
  )
})
