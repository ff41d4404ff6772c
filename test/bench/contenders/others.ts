import axios from 'axios'
import { Agent, get } from 'node:http'
import { createRequire } from 'node:module'
import { SERVICE, type Contender, type OpenOptions, type User } from './contender.js'
import { silent } from '../support/package.js'

export function openNodeHttp({ origin }: OpenOptions): Contender {
  const agent = new Agent({ keepAlive: true })
  return {
    getUser: (id) =>
      new Promise((resolve, reject) => {
        get(`${origin}/users/${id}`, { agent }, (response) => {
          if (response.statusCode !== 200) return reject(new Error(`answered ${response.statusCode}`))
          let text = ''
          response
            .setEncoding('utf8')
            .on('data', (chunk: string) => (text += chunk))
            .on('error', reject)
            .on('end', () => resolve(JSON.parse(text) as User))
        }).on('error', reject)
      }),
  }
}

export function openAxios({ origin }: OpenOptions): Contender {
  const client = axios.create({ baseURL: origin, httpAgent: new Agent({ keepAlive: true }) })
  return { getUser: async (id) => (await client.get<User>(`/users/${id}`)).data }
}

export function openFetch({ origin }: OpenOptions): Contender {
  return {
    async getUser(id) {
      const response = await fetch(`${origin}/users/${id}`)
      if (!response.ok) throw new Error(`answered ${response.status}`)
      return (await response.json()) as User
    },
  }
}

interface NamingClient {
  ready(): Promise<void>
  selectInstances(service: string): Promise<readonly { readonly ip: string; readonly port: number }[]>
}

/** As people write it: ask the SDK, draw one, call it. */
export async function openNpmNacosAxios({ registry }: OpenOptions): Promise<Contender> {
  const { NacosNamingClient } = createRequire(import.meta.url)('nacos') as {
    NacosNamingClient: new (options: object) => NamingClient
  }
  const naming = new NacosNamingClient({ logger: silent, serverList: registry, namespace: 'public' })
  await naming.ready()
  return {
    async getUser(id) {
      const instances = await naming.selectInstances(SERVICE)
      const { ip, port } = instances[Math.floor(Math.random() * instances.length)]!
      return (await axios.get<User>(`http://${ip}:${port}/users/${id}`)).data
    },
  }
}
