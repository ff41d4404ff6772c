/** Compiled, never run: which app fits which way in. */
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
