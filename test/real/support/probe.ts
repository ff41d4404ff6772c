import { connect } from 'node:net'
import {
  type Capabilities,
  type ContractAuth,
  type ContractTarget,
  type ServerKind,
  NACOS_TIMINGS,
  RNACOS_TIMINGS,
} from '../../contract/support/target.js'
import { habitsOf } from './habits.js'
import type { RealServer } from '../servers/real-server.js'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** Finds out what a server is and can, by asking it; one target for each dialect it speaks. */
export async function probe(real: RealServer): Promise<ContractTarget[]> {
  const base = `http://${real.server}/nacos`
  const closed = await isClosed(base)
  const user = await userOf(base, real, closed)
  if (closed && !user) throw new Error(`${real.server} wants credentials: set NACOS_USERNAME and NACOS_PASSWORD`)
  const token = user && (await login(base, user.username, user.password))?.accessToken
  const headers = token ? { authorization: `Bearer ${token}` } : undefined
  const ask = async (method: string, path: string, form?: string | Record<string, string>) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { ...headers, ...(form !== undefined && FORM) },
      ...(form !== undefined && { body: String(new URLSearchParams(form)) }),
      signal: AbortSignal.timeout(10_000),
    })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }
  // 404, 405, 410 and 501 are how a server says that it has no such address.
  const has = ({ status }: { status: number }) => ![404, 405, 410, 501].includes(status)

  const v1List = await ask('GET', '/v1/ns/instance/list?serviceName=contract-probe')
  const v3List = await ask('GET', '/v3/client/ns/instance/list?serviceName=contract-probe')
  const v1 = v1List.status === 200
  const v3 = v3List.status === 200
  if (!v1 && !v3) {
    throw new Error(
      `${real.server} speaks neither v1 nor v3: the lists answer ${v1List.status} ${v1List.text.slice(0, 200)} and ` +
        `${v3List.status} ${v3List.text.slice(0, 200)}`,
    )
  }
  // Without parameters they change nothing; a refusal of the parameters is a sign of life.
  const v1Update = has(await ask('PUT', '/v1/ns/instance', ''))
  const adminUpdate = await ask('PUT', '/v3/admin/ns/instance', '')
  const v1Write = has(await ask('POST', '/v1/cs/configs', ''))
  const adminWrite = await ask('POST', '/v3/admin/cs/config', '')
  // 3.x closes its admin API to the anonymous even where auth is off.
  const open = (answer: { status: number }) => v3 && has(answer) && answer.status !== 403
  const ways = {
    v1,
    instanceUpdate: v1 && v1Update ? ('v1' as const) : open(adminUpdate) ? ('v3-admin' as const) : undefined,
    configWrite: v1 && v1Write ? ('v1' as const) : open(adminWrite) ? ('v3-admin' as const) : undefined,
  }
  const capabilities: Capabilities = {
    ...ways,
    v3,
    v3Admin: open(adminWrite),
    grpc: await takesConnections(real.server, 1000),
    ...(await habitsOf(ask, ways)),
    sdk: v1 && (!closed || (await takesPasswords(base, real))),
  }
  // A field of its list that no Java server has.
  const kind: ServerKind = v1 && v1List.text.includes('"useSpecifiedURL"') ? 'r-nacos' : 'nacos'

  const dialects = [...(v1 ? (['v1'] as const) : []), ...(v3 ? (['v3'] as const) : [])]
  return dialects.map((apiVersion) => ({
    name: `${real.name}, ${apiVersion}`,
    kind,
    server: real.server,
    apiVersion,
    capabilities,
    timings: kind === 'r-nacos' ? RNACOS_TIMINGS : NACOS_TIMINGS,
    ...(user && (closed ? { auth: user } : { admin: user })),
  }))
}

/** Whether the API wants a login. A server before 1.2 refuses any path that it does not know, so v1 goes first. */
async function isClosed(base: string): Promise<boolean> {
  const statuses: number[] = []
  for (const path of ['/v1/ns/instance/list', '/v3/client/ns/instance/list']) {
    const response = await fetch(`${base}${path}?serviceName=contract-probe`, { signal: AbortSignal.timeout(10_000) })
    await response.arrayBuffer()
    if (response.ok) return false
    statuses.push(response.status)
  }
  return statuses.some((status) => status === 401 || status === 403)
}

async function takesPasswords(base: string, { username, password }: RealServer): Promise<boolean> {
  const query = new URLSearchParams({ serviceName: 'contract-probe', username: username!, password: password! })
  const response = await fetch(`${base}/v1/ns/instance/list?${query}`, { signal: AbortSignal.timeout(10_000) })
  await response.arrayBuffer()
  return response.ok
}

async function userOf(
  base: string,
  { server, username, password }: RealServer,
  needed: boolean,
): Promise<ContractAuth | undefined> {
  if (!username || !password) return undefined
  const answer = await login(base, username, password)
  if (answer) return { username, password, tokenTtlMs: answer.tokenTtl * 1_000 }
  if (!needed) return undefined
  throw new Error(`${server} refuses the user ${username}: check NACOS_USERNAME and NACOS_PASSWORD`)
}

function takesConnections(server: string, portOffset: number): Promise<boolean> {
  const [host, port] = server.split(':')
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) + portOffset, timeout: 2_000 })
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
    socket.once('timeout', () => settle(false))
  })
}

async function login(base: string, username: string, password: string) {
  for (const path of ['/v1/auth/login', '/v3/auth/user/login']) {
    const response = await fetch(`${base}${path}`, {
      method: 'POST',
      body: new URLSearchParams({ username, password }),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await response.text()
    if (response.ok && text.includes('accessToken'))
      return JSON.parse(text) as { accessToken: string; tokenTtl: number }
  }
  return undefined
}
