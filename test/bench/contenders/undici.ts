import { Pool, request, type Dispatcher } from 'undici'
import { CONTEXT, type Contender, type OpenOptions, type User } from './contender.js'

const CONNECTIONS = 128

/** The least undici can do: one handler object a request. */
export function openPoolDispatch({ origin }: OpenOptions): Contender {
  const pool = new Pool(origin, { connections: CONNECTIONS })
  return {
    getUser: (id) =>
      new Promise((resolve, reject) => {
        pool.dispatch({ path: `/users/${id}`, method: 'GET' }, new Collector(resolve, reject))
      }),
  }
}

class Collector implements Dispatcher.DispatchHandler {
  private text = ''

  constructor(
    private readonly resolve: (user: User) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  onConnect(): void {}

  onHeaders(status: number): boolean {
    if (status !== 200) this.reject(new Error(`answered ${status}`))
    return true
  }

  onData(chunk: Buffer): boolean {
    this.text += chunk.toString('utf8')
    return true
  }

  onComplete(): void {
    this.resolve(JSON.parse(this.text) as User)
  }

  onError(error: Error): void {
    this.reject(error)
  }
}

export function openPoolRequest({ origin }: OpenOptions): Contender {
  const pool = new Pool(origin, { connections: CONNECTIONS })
  return {
    async getUser(id) {
      const { statusCode, body } = await pool.request({ path: `/users/${id}`, method: 'GET' })
      if (statusCode !== 200) throw new Error(`answered ${statusCode}`)
      return JSON.parse(await body.text()) as User
    },
  }
}

/** With what a typed call sends, given by hand. */
export function openPoolRequestSameHeaders({ origin }: OpenOptions): Contender {
  const pool = new Pool(origin, { connections: CONNECTIONS })
  const { token, traceparent } = CONTEXT
  return {
    async getUser(id) {
      const authorization = `Bearer ${token}`
      const headers = { accept: 'application/json', 'accept-encoding': 'gzip, deflate, br', authorization, traceparent }
      const { statusCode, body } = await pool.request({ path: `/users/${id}`, method: 'GET', headers })
      if (statusCode !== 200) throw new Error(`answered ${statusCode}`)
      return JSON.parse(await body.text()) as User
    },
  }
}

export function openUndiciRequest({ origin }: OpenOptions): Contender {
  return {
    async getUser(id) {
      const { statusCode, body } = await request(`${origin}/users/${id}`)
      if (statusCode !== 200) throw new Error(`answered ${statusCode}`)
      return (await body.json()) as User
    },
  }
}
