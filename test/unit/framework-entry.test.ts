import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { expect, onTestFinished, test } from 'vitest'
import * as onExpress from 'nacos-sidecar/express'
import * as onFastify from 'nacos-sidecar/fastify'
import * as onKoa from 'nacos-sidecar/koa'
import * as onNest from 'nacos-sidecar/nest'
import { collectLog } from '../support/collect.js'

const OPTIONS = {
  configPath: false,
  signals: false,
  settings: { 'cloud.nacos.discovery.register-enabled': false, 'cloud.nacos.config.enabled': false },
} as const

test.each([
  ['express', () => onExpress.createSidecar({ app: express(), ...OPTIONS, logger: collectLog() })],
  ['fastify', () => onFastify.createSidecar({ app: fastify(), ...OPTIONS, logger: collectLog() })],
  ['koa', () => onKoa.createSidecar({ app: new Koa(), ...OPTIONS, logger: collectLog() })],
])('%s takes its own apps', async (_framework, create) => {
  const sidecar = create()
  onTestFinished(() => sidecar.stop())
  expect((await sidecar.ready).status()).toMatchObject({ phase: 'starting', registered: false })
})

test.each([
  ['a koa app', () => onExpress.initSidecar(new Koa() as never), 'nacos-sidecar/express is not for an app of koa'],
  [
    'an express app',
    () => onNest.createSidecar({ app: express() as never }),
    'nacos-sidecar/nest is not for an app of express',
  ],
  ['nothing', () => onKoa.initSidecar(undefined as never), 'undefined is not an Express, Fastify, Koa or NestJS app'],
])('%s of another way in is refused before anything else happens', (_app, start, message) => {
  expect(start).toThrow(
    expect.objectContaining({ code: 'SIDECAR_APP_UNSUPPORTED', message: expect.stringContaining(message) }),
  )
})
