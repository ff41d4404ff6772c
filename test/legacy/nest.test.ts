import { once } from 'node:events'
import 'reflect-metadata'
import { Controller, Get, Inject, Module, type DynamicModule, type INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { defineClient, feign, GET, get, initSidecar as initAny, type Sidecar } from 'nacos-sidecar'
import {
  initSidecar,
  InjectClient,
  InjectSidecar,
  InjectValue,
  SIDECAR,
  SidecarHealthIndicator,
  SidecarModule,
  Value,
  type LiveValue,
} from 'nacos-sidecar/nest'
import { startTestRegistry, type TestRegistry } from 'nacos-sidecar/testing'
import { describe, expect, onTestFinished, test } from 'vitest'

@feign('user-service')
class UserClient {
  @get('/users/{id}') byId!: (p: { id: string }) => Promise<{ name: string }>
}
const orders = defineClient('user-service', { byId: GET('/orders/{id}').as<(p: { id: string }) => Promise<object>>() })
@feign('user-service')
class FeatureClient {
  @get('/feature') get!: () => Promise<object>
}

/** In the order in which it happened. */
let said: string[] = []

@Controller()
class PricesController {
  @Value('prices.limit', 10) private readonly limit!: number
  constructor(
    @InjectClient(UserClient) private readonly users: UserClient,
    @InjectClient(orders) private readonly byOrder: typeof orders,
    @InjectValue('prices.currency', 'EUR') private readonly currency: LiveValue<string>,
    @InjectSidecar() readonly sidecar: Sidecar,
  ) {
    // Loaded before anything that may need it is made.
    said.push(`made with ${currency.current}`)
  }
  @Get('prices') async prices() {
    const [user, order] = await Promise.all([this.users.byId({ id: '1' }), this.byOrder.byId({ id: '2' })])
    return { user, order, limit: this.limit, currency: this.currency.current }
  }
  set(): void {
    Object.assign(this, { limit: 0 })
  }
}

/** What requests need; its module is nearer to the root than any other but the root. */
class Database {
  constructor(
    @InjectSidecar() private readonly sidecar: Sidecar,
    @Inject(FeatureClient) readonly client: FeatureClient,
  ) {}
  onModuleDestroy() {
    said.push(`destroyed, ${this.sidecar.status().registered ? 'registered' : 'not registered'}`)
  }
  beforeApplicationShutdown() {
    said.push('before shutdown')
  }
  onApplicationShutdown() {
    said.push(`shutdown, ${this.sidecar.status().phase}`)
  }
}
@Module({ imports: [SidecarModule.forFeature([FeatureClient])], providers: [Database] })
class DatabaseModule {}
@Module({ controllers: [PricesController] })
class PricesModule {}

const inject = (sidecar: DynamicModule) => ({
  module: class AppModule {},
  imports: [DatabaseModule, PricesModule, sidecar],
})

async function registryWithPrices(): Promise<TestRegistry> {
  const registry = await startTestRegistry()
  onTestFinished(() => registry.stop())
  await registry.stub('user-service', (request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ name: request.url }))
  })
  registry.configs.publish({ dataId: 'prices.yml', content: 'prices: { limit: 20, currency: CNY }' })
  said = []
  return registry
}

const settingsOf = (registry: TestRegistry) =>
  registry.settings({
    application: { name: 'prices' },
    'cloud.nacos.config.shared-configs': [{ 'data-id': 'prices.yml', refresh: true }],
    'logging.level.nacos-sidecar': 'error',
  })
const optionsFor = (registry: TestRegistry) => ({
  configPath: false as const,
  signals: false,
  settings: settingsOf(registry),
})

const QUIET = { logger: false, abortOnError: false } as const
const make = (module: object, platform: string): Promise<INestApplication> =>
  platform === 'fastify'
    ? NestFactory.create(module as DynamicModule, new FastifyAdapter(), QUIET)
    : NestFactory.create(module as DynamicModule, QUIET)

const instances = (registry: TestRegistry) =>
  registry.server.services().find(({ service }) => service === 'prices')?.instances ?? []

describe.each(['express', 'fastify'])('SidecarModule on %s', (platform) => {
  test('injects clients, live values and the sidecar; registers what listens, leaves before the hooks of the app', async () => {
    const registry = await registryWithPrices()
    const app = await make(inject(SidecarModule.forRoot(optionsFor(registry))), platform)
    expect(said).toEqual(['made with CNY'])
    const sidecar = app.get<Sidecar>(SIDECAR)
    const controller = app.get(PricesController)
    expect(controller.sidecar).toBe(sidecar)
    expect(() => controller.set()).toThrow(TypeError)
    // One sidecar, by whatever way it is asked for.
    expect(await initSidecar(app as never)).toBe(sidecar)
    expect(await initAny(app)).toBe(sidecar)
    expect(instances(registry)).toEqual([])
    const health = app.get(SidecarHealthIndicator)
    expect(health.isHealthy()).toEqual({ nacos: { status: 'down', phase: 'starting', registered: false } })

    const registered = once(sidecar, 'registered')
    await app.listen(0, '127.0.0.1')
    await registered
    const url = await app.getUrl()
    expect(instances(registry)).toMatchObject([{ port: Number(new URL(url).port) }])
    expect(health.isHealthy('registry', { registered: true })).toMatchObject({ registry: { status: 'up' } })
    const prices = async () => (await fetch(`${url}/prices`)).json()
    const facts = { user: { name: '/users/1' }, order: { name: '/orders/2' } }
    expect(await prices()).toEqual({ ...facts, limit: 20, currency: 'CNY' })
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'UP', registered: true })

    registry.configs.publish({ dataId: 'prices.yml', content: 'prices: { limit: "30" }' })
    await expect.poll(prices).toEqual({ ...facts, limit: 30, currency: 'EUR' })

    said = []
    sidecar.on('deregistered', () => said.push('deregistered'))
    sidecar.on('stopped', () => said.push('stopped'))
    await app.close()
    // The clients of the sidecar work until the last hook.
    expect(said).toEqual([
      'deregistered',
      'destroyed, not registered',
      'before shutdown',
      'shutdown, leaving',
      'stopped',
    ])
    expect(instances(registry)).toEqual([])
    expect(sidecar.status().phase).toBe('left')
  })
})

test('SidecarModule guards every route of the app, and answers by the decision of options that come from a provider', async () => {
  const registry = await registryWithPrices()
  @Module({ providers: [{ provide: 'allowed', useValue: 'secret' }], exports: ['allowed'] })
  class Tokens {}
  const sidecar = SidecarModule.forRootAsync({
    imports: [Tokens],
    inject: ['allowed'],
    useFactory: (allowed: string) => ({
      ...optionsFor(registry),
      isolated: true,
      settings: { ...settingsOf(registry), 'auth.enabled': true },
      verify: (token) => token === allowed,
    }),
  })
  const app = await make(inject(sidecar), 'express')
  onTestFinished(() => app.close())
  await app.listen(0, '127.0.0.1')
  const status = async (path: string, token = '') =>
    (await fetch((await app.getUrl()) + path, { headers: token ? { authorization: `Bearer ${token}` } : {} })).status
  expect(await status('/prices')).toBe(401)
  expect(await status('/nothing')).toBe(401)
  expect(await status('/prices', 'other')).toBe(403)
  expect(await status('/prices', 'secret')).toBe(200)
})

test('SidecarModule in an app without HTTP: calls and configuration, no registration', async () => {
  const registry = await registryWithPrices()
  const app = await NestFactory.createApplicationContext(inject(SidecarModule.forRoot(optionsFor(registry))), QUIET)
  const sidecar = app.get<Sidecar>(SIDECAR)
  expect(await app.get(PricesController).prices()).toMatchObject({ limit: 20 })
  expect(sidecar.status()).toMatchObject({ registered: false, instance: undefined })
  await app.close()
  expect(sidecar.status().phase).toBe('left')
})

test('SidecarModule uses the sidecar of a process that has one, as under nacos-sidecar run', async () => {
  const registry = await registryWithPrices()
  const running = await initAny(undefined, optionsFor(registry))
  const app = await make(inject(SidecarModule.forRoot()), 'express')
  const registered = once(running, 'registered')
  await app.listen(0, '127.0.0.1')
  await registered
  expect(app.get(SIDECAR)).toBe(running)
  expect(await (await fetch(`${await app.getUrl()}/prices`)).json()).toMatchObject({ limit: 20 })
  said = []
  await app.close()
  expect(said).toEqual(['destroyed, not registered', 'before shutdown', 'shutdown, left'])
})

test('SidecarModule.forRoot() twice, and a client that is none, are refused with what to do', async () => {
  const registry = await registryWithPrices()
  const twice = {
    module: class AppModule {},
    imports: [SidecarModule.forRoot(optionsFor(registry)), SidecarModule.forRoot(optionsFor(registry))],
  }
  await expect(make(twice, 'express')).rejects.toMatchObject({
    code: 'SIDECAR_ALREADY_STARTED',
    message: expect.stringContaining('in the root module only'),
  })
  expect(() => InjectClient(undefined as never)).toThrow(/import each other/)
  class Plain {}
  const wrong = inject(SidecarModule.forRoot({ ...optionsFor(registry), isolated: true, clients: [Plain] }))
  await expect(make(wrong, 'express')).rejects.toMatchObject({ code: 'SIDECAR_CLIENT_INVALID' })
})
