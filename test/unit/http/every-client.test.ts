import axios from 'axios'
import http, { type RequestOptions } from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'
import { buildConnector, getGlobalDispatcher, request, setGlobalDispatcher } from 'undici'
import { attachSidecar, sidecarAgents } from 'nacos-sidecar/agent'
import { attachSidecar as attachAxios } from 'nacos-sidecar/axios'
import { sidecarDispatcher } from 'nacos-sidecar/undici'
import { onTestFinished } from 'vitest'
import { activeRuntime } from '../../../src/calls/active-runtime.js'
import { createFetch } from '../../../src/http/fetch.js'
import {
  clientContract,
  dialing,
  type ClientKind,
  type ClientRequest,
  type SendRequest,
} from '../../support/client-contract.js'

/** Connections of undici to the default port of a host go to this one. */
function dialer(port: number): { connect: buildConnector.connector } {
  const dial = buildConnector({ timeout: 5_000 })
  const toTest = (options: buildConnector.Options) =>
    options.port === '' || options.port === '80' || options.port === '443' ? String(port) : options.port
  return { connect: (options, done) => dial({ ...options, port: toTest(options) }, done) }
}

function byFetch(fetch: typeof globalThis.fetch): SendRequest {
  return async ({ url, body, ...options }) => {
    const response = await fetch(url, {
      ...options,
      ...(body !== undefined && { body, duplex: 'half' }),
    } as RequestInit)
    return { status: response.status, body: response.body ?? Readable.from([]) }
  }
}

export function byNode(send: typeof http.request, agent: http.Agent | undefined): SendRequest {
  return ({ url, body, ...options }) =>
    new Promise((resolve, reject) => {
      const sent = send(url, { ...options, agent } as RequestOptions, (response) =>
        resolve({ status: response.statusCode!, body: response }),
      )
      sent.once('error', reject)
      if (body instanceof Readable) body.pipe(sent)
      else sent.end(body)
    })
}

const clients: Record<string, ClientKind> = {
  fetch: {
    keepsBodies: false,
    unasked: 'error',
    open: (port) => byFetch(createFetch(activeRuntime, { agent: dialer(port) })),
  },
  axios: {
    unasked: 'error',
    open(port) {
      const client = attachAxios(
        axios.create({ httpAgent: dialing(new http.Agent(), port), responseType: 'stream', validateStatus: null }),
      )
      return async ({ body: data, signal, ...options }) => {
        const { status, data: body } = await client.request<Readable>({ ...options, data, ...(signal && { signal }) })
        return { status, body }
      }
    },
  },
  'undici dispatcher': {
    unasked: 'host',
    open(port) {
      const dispatcher = sidecarDispatcher(dialer(port))
      onTestFinished(() => dispatcher.close())
      return async ({ url, ...options }: ClientRequest) => {
        const { statusCode, body } = await request(url, { ...options, dispatcher })
        return { status: statusCode, body }
      }
    },
  },
  'global dispatcher, Node’s own fetch': {
    keepsBodies: false,
    unasked: 'host',
    open(port) {
      const before = getGlobalDispatcher()
      setGlobalDispatcher(sidecarDispatcher(dialer(port)))
      onTestFinished(() => setGlobalDispatcher(before))
      return byFetch(globalThis.fetch)
    },
  },
  'http.Agent': {
    unasked: 'host',
    open: (port) => byNode(http.request, dialing(sidecarAgents().http, port)),
  },
  'https.Agent': {
    scheme: 'https',
    unasked: 'host',
    open: (port) => byNode(https.request, dialing(sidecarAgents().https, port)),
  },
  'http.globalAgent': {
    unasked: 'host',
    open(port) {
      const before = http.globalAgent
      http.globalAgent = attachSidecar(dialing(new http.Agent({ keepAlive: true }), port))
      onTestFinished(() => void (http.globalAgent = before))
      return byNode(http.request, undefined)
    },
  },
}

for (const [name, kind] of Object.entries(clients)) clientContract(name, kind)
