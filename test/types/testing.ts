/** Compiled, never run: a fake has the types of its client. */
import { defineClient, feign, get, GET, post } from 'nacos-sidecar'
import { fakeClient, type TestRegistry } from 'nacos-sidecar/testing'

interface User {
  readonly id: string
  readonly name: string
}

@feign('user-service')
class UserClient {
  @get('/users/{id}') getUser!: (p: { id: string }) => Promise<User>
  @post('/users') create!: (p: { body: { name: string } }) => Promise<User>
  @get('/users')
  async list(_query?: { page?: number }): Promise<readonly User[]> {
    return undefined as never
  }
}

const users = fakeClient(UserClient, {
  getUser: async ({ id }) => ({ id, name: 'Ada' }),
  // At once is as good.
  list: (query) => [{ id: String(query?.page), name: 'Ada' }],
})
const client: UserClient = users
const ids: string[] = users.getUser.calls.map(([{ id }]) => id)
const pages: (number | undefined)[] = users.list.calls.map(([query]) => query?.page)
void [client, ids, pages]

// @ts-expect-error only what has a fake knows its calls
void users.create.calls
// @ts-expect-error a user has a name
fakeClient(UserClient, { getUser: async ({ id }) => ({ id }) })
// @ts-expect-error id is text
fakeClient(UserClient, { getUser: async ({ id }: { id: number }) => ({ id: String(id), name: 'Ada' }) })
// @ts-expect-error no such call
fakeClient(UserClient, { remove: async () => undefined })

const orders = defineClient('order-service', { byId: GET('/orders/{id}').as<(p: { id: number }) => Promise<User>>() })
const fakeOrders = fakeClient(orders, { byId: ({ id }) => ({ id: String(id), name: 'Ada' }) })
const numbers: number[] = fakeOrders.byId.calls.map(([{ id }]) => id)
void numbers

export function overrides({ override }: TestRegistry): void {
  override('db', { query: () => [] })
  override(UserClient, users)
  override(UserClient, { getUser: async ({ id }) => ({ id, name: 'Ada' }) })
  override(orders, { byId: ({ id }) => ({ id: String(id), name: 'Ada' }) })
  // @ts-expect-error no such call
  override(UserClient, { remove: async () => undefined })
  // @ts-expect-error a user has a name
  override(UserClient, { getUser: async ({ id }) => ({ id }) })
}
