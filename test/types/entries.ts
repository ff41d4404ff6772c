/** Compiled, never run: which app fits which way in. */
import { createServer } from 'node:http'
import type { INestApplication } from '@nestjs/common'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import type { Sidecar } from 'nacos-sidecar'
import * as onExpress from 'nacos-sidecar/express'
import * as onFastify from 'nacos-sidecar/fastify'
import * as onKoa from 'nacos-sidecar/koa'
import * as onNest from 'nacos-sidecar/nest'

declare const nest: INestApplication
declare const nestOnFastify: NestFastifyApplication

export const sidecars: Promise<Sidecar>[] = [
  onExpress.initSidecar(express(), { signals: false }),
  onFastify.initSidecar(fastify()),
  onFastify.initSidecar(fastify({ http2: true })),
  onFastify.initSidecar(fastify({ https: {} })),
  onKoa.initSidecar(new Koa<{ user: string }>()),
  onNest.initSidecar(nest),
  onNest.initSidecar(nestOnFastify),
]
export const own: Sidecar = onKoa.createSidecar({ app: new Koa(), configPath: false })

// @ts-expect-error a Koa app is no Express app
void onExpress.initSidecar(new Koa())
// @ts-expect-error an Express app is no Koa app
void onKoa.initSidecar(express())
// @ts-expect-error an Express app is no Fastify app
void onFastify.initSidecar(express())
// @ts-expect-error a router is no app
void onExpress.initSidecar(express.Router())
// @ts-expect-error a Fastify app is no Nest app
void onNest.initSidecar(fastify())
// @ts-expect-error an app is needed here
onExpress.createSidecar({})

/** The guard fits each framework's own way to put it somewhere. */
export function mountGuard(sidecar: Sidecar): void {
  express().use(sidecar.guard())
  new Koa().use(sidecar.guard())
  fastify().addHook('onRequest', sidecar.guard())
  nest.use(sidecar.guard())
}

/** A gateway line fits wherever each framework takes a handler. */
export function mountProxy(sidecar: Sidecar): void {
  const proxy = sidecar.proxy('user-service', { rewrite: '/api' })
  express().use(proxy)
  express().use('/users', proxy)
  express.Router().all('/users/*rest', proxy)
  new Koa().use(proxy)
  new Koa<{ user: string }>().use(proxy)
  void fastify().register(proxy)
  void fastify().register(proxy, { prefix: '/users' })
  fastify().all('/users/*', proxy)
  fastify({ http2: true }).all('/users/*', proxy)
  nest.use('/users', proxy)
  createServer(proxy)
  // @ts-expect-error no such option
  sidecar.proxy('user-service', { target: 'http://user-service' })
}
