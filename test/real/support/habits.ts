import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Habits } from '../../contract/support/target.js'

/** Asks the server, with the login where it wants one. */
export type Ask = (
  method: string,
  path: string,
  form?: Record<string, string>,
) => Promise<{ status: number; text: string; headers: Headers }>

interface Ways {
  readonly v1: boolean
  readonly instanceUpdate: 'v1' | 'v3-admin' | undefined
  readonly configWrite: 'v1' | 'v3-admin' | undefined
}

const SETTLE_MS = 15_000

/** What servers do differently with the same requests: Nacos before 1.2 and 2.0 lack much of what came later. */
export async function habitsOf(ask: Ask, ways: Ways): Promise<Habits> {
  const run = randomBytes(4).toString('hex')
  const { v1 } = ways
  const path = v1 ? '/v1/ns/instance' : '/v3/client/ns/instance'
  const instanceOf = (service: string, port: number, more: Record<string, string> = {}) => ({
    ...{ serviceName: `contract-probe-${service}-${run}`, ip: '127.0.0.1', port: String(port), ...more },
  })
  const accepts = async (form: Record<string, string>) => {
    const { status } = await ask('POST', path, form)
    if (status === 200) await ask('DELETE', `${path}?${new URLSearchParams(form)}`)
    return status === 200
  }
  const listed = async (serviceName: string) => {
    const { text } = await ask('GET', `${path}/list?${new URLSearchParams({ serviceName })}`)
    return [...text.matchAll(/"port":(\d+)/g)].map(([, port]) => Number(port))
  }

  async function oneKind(): Promise<boolean> {
    const stays = instanceOf('kinds', 9001, { ephemeral: 'false' })
    if ((await ask('POST', path, stays)).status !== 200) return false
    await soon(async () => (await listed(stays.serviceName)).length > 0)
    const mixes = await accepts(instanceOf('kinds', 9002, { ephemeral: 'true' }))
    await ask('DELETE', `${path}?${new URLSearchParams(stays)}`)
    return !mixes
  }

  async function keepsDisabled(): Promise<boolean> {
    if (!ways.instanceUpdate) return true
    const [mine, other] = [instanceOf('disabled', 9001), instanceOf('disabled', 9002)]
    await ask('POST', path, mine)
    await soon(async () => (await listed(mine.serviceName)).length === 1)
    const update = ways.instanceUpdate === 'v1' ? '/v1/ns/instance' : '/v3/admin/ns/instance'
    await ask('PUT', update, { ...mine, enabled: 'false' })
    await soon(async () => (await listed(mine.serviceName)).length === 0)
    for (const one of [mine, other]) await ask('POST', path, one)
    await soon(async () => (await listed(mine.serviceName)).includes(9002))
    await sleep(1_500)
    const kept = !(await listed(mine.serviceName)).includes(9001)
    for (const one of [mine, other]) await ask('DELETE', `${path}?${new URLSearchParams(one)}`)
    return kept
  }

  async function configType(): Promise<boolean> {
    if (ways.configWrite !== 'v1' || !v1) return true
    const query = new URLSearchParams({ dataId: `contract-probe-${run}`, group: 'DEFAULT_GROUP' })
    await ask('POST', '/v1/cs/configs', { ...Object.fromEntries(query), content: 'a: 1', type: 'yaml' })
    let type: string | null = null
    await soon(async () => {
      const answer = await ask('GET', `/v1/cs/configs?${query}`)
      type = answer.headers.get('config-type')
      return answer.status === 200
    })
    await ask('DELETE', `/v1/cs/configs?${query}`)
    return type === 'yaml'
  }

  const lightBeat = async () => {
    const form = { ...instanceOf('beat', 9001), clusterName: 'DEFAULT' }
    const { status, text } = await ask('PUT', '/v1/ns/instance/beat', form)
    return status === 200 && text.includes('"code"')
  }
  const lease = { 'preserved.heart.beat.interval': '5000', 'preserved.heart.beat.timeout': '1000' }
  return {
    lightBeat: v1 && (await lightBeat()),
    emptyPages: !v1 || (await ask('GET', '/v1/ns/service/list?pageNo=99&pageSize=10')).status === 200,
    checksLease: !(await accepts(instanceOf('lease', 9001, { metadata: JSON.stringify(lease) }))),
    oneKind: await oneKind(),
    keepsDisabled: await keepsDisabled(),
    configType: await configType(),
  }
}

async function soon(check: () => Promise<boolean>): Promise<void> {
  for (const until = performance.now() + SETTLE_MS; performance.now() < until;) {
    if (await check()) return
    await sleep(100)
  }
}
