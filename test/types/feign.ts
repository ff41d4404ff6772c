/** Checked by tsc only: every `@ts-expect-error` is a mistake that must not compile. */
import { defineClient, del, DELETE, feign, GET, get, head, patch, POST, post, put } from 'nacos-sidecar'
import type { HeadResponse } from '../../src/feign/response.js'

interface User {
  id: string
}
interface NewUser {
  name: string
}

const path: string = '/computed'

@feign({ name: 'user-service', path: '/api' })
export class Good {
  @get('/api/hello/{name}') hello!: (name: string) => Promise<User>
  @get('/users/{id}') object!: (p: { id: string; verbose?: boolean }) => Promise<User>
  @get('/users/{id}') withControls!: (p: { id: number; signal?: AbortSignal; timeoutMs?: number }) => Promise<User>
  @get('/users/{id}') withHeaders!: (p: {
    id: number
    headers?: Record<string, string>
    query?: { a: 1 }
  }) => Promise<User>
  @get('/users/{id}/posts/{post}') two!: (id: string, post: number) => Promise<User>
  @get('/users/{id}') positionalQuery!: (id: string, query?: { page?: number }) => Promise<User>
  @get('/users') none!: () => Promise<User[]>
  @get('/users') optional!: (p?: { page?: number }) => Promise<User[]>
  @post('/users') create!: (p: { body: NewUser }) => Promise<User>
  @post('/users') form!: (form: FormData) => Promise<User>
  @post('/users') many!: (users: NewUser[]) => Promise<User>
  @put('/users/{id}') replace!: (id: string, body: NewUser) => Promise<User>
  @patch('/users/{id}') change!: (p: {
    id: string
    body: Partial<NewUser>
    query?: { notify: boolean }
  }) => Promise<User>
  @del('/users/{id}') remove!: (id: string) => Promise<void>
  @head('/users/{id}') exists!: (p: { id: string }) => Promise<HeadResponse>
  @get(path) computed!: (anything: number) => Promise<User>

  @get('/users')
  async list(_query?: { page?: number }): Promise<User[]> {
    return undefined as never
  }
  @get('/users/{id}')
  async byId(_id: string): Promise<User> {
    return undefined as never
  }
}

@feign('user-service')
export class Bad {
  // @ts-expect-error the path variable is missing
  @get('/users/{id}') missing!: (p: { name: string }) => Promise<User>
  // @ts-expect-error a path variable may not be optional
  @get('/users/{id}') optional!: (p: { id?: string }) => Promise<User>
  // @ts-expect-error no argument at all
  @get('/users/{id}') none!: () => Promise<User>
  // @ts-expect-error the second of two is missing
  @get('/users/{id}/posts/{post}') second!: (p: { id: string }) => Promise<User>
  // @ts-expect-error the second of two is missing
  @get('/users/{id}/posts/{post}') positional!: (id: string) => Promise<User>
  // @ts-expect-error not a Promise
  @get('/users/{id}') sync!: (p: { id: string }) => User
  // @ts-expect-error not a function
  @get('/users') text!: string
  // @ts-expect-error name would go to the URL
  @post('/users') spill!: (p: { name: string; password: string }) => Promise<User>
  // @ts-expect-error too many
  @get('/users/{id}') tooMany!: (id: string, query: { a: 1 }, more: number) => Promise<User>
  // @ts-expect-error GET has no body
  @get('/users') body!: (p: { body: NewUser }) => Promise<User>
  // @ts-expect-error an object is no path variable
  @get('/users/{id}') objectVariable!: (p: { id: { nested: string } }) => Promise<User>
  // @ts-expect-error a scalar is no query object
  @get('/users') scalar!: (page: number) => Promise<User>
  // @ts-expect-error timeoutMs is a number
  @get('/users') timeout!: (p: { timeoutMs: string }) => Promise<User>

  // @ts-expect-error the path variable is missing
  @get('/users/{id}')
  async method(_p: { name: string }): Promise<User> {
    return undefined as never
  }
  // @ts-expect-error not a Promise
  @get('/users')
  sync2(): User {
    return undefined as never
  }
}

export const orders = defineClient(
  { name: 'order-service' },
  {
    byId: GET('/orders/{id}').as<(p: { id: number }) => Promise<User>>(),
    create: POST('/orders').as<(p: { body: NewUser }) => Promise<User>>(),
    untyped: DELETE('/orders/{id}'),
  },
)
const order: Promise<User> = orders.byId({ id: 7 })
const untyped: Promise<unknown> = orders.untyped({ id: 7 })
void [order, untyped]

// @ts-expect-error id is a number
void orders.byId({ id: 'x' })
// @ts-expect-error no such call
void orders.none
// @ts-expect-error the path variable is missing
GET('/orders/{id}').as<(p: { name: string }) => Promise<User>>()
// @ts-expect-error not a Promise
GET('/orders/{id}').as<(p: { id: string }) => User>()
