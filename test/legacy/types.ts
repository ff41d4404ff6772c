/** Checked by `tsc -p tsconfig.legacy.json` only: the mistakes of test/types/feign.ts under experimentalDecorators. */
import { feign, get, post } from 'nacos-sidecar'

interface User {
  id: string
}

@feign({ name: 'user-service', path: '/api' })
export class Good {
  @get('/api/hello/{name}') hello!: (name: string) => Promise<User>
  @get('/users/{id}') object!: (p: { id: string; verbose?: boolean }) => Promise<User>
  @post('/users') create!: (p: { body: User }) => Promise<User>
  @get('/users')
  async list(_query?: { page?: number }): Promise<User[]> {
    return undefined as never
  }
}

@feign('user-service')
export class Bad {
  // @ts-expect-error the path variable is missing
  @get('/users/{id}') missing!: (p: { name: string }) => Promise<User>
  // @ts-expect-error not a Promise
  @get('/users/{id}') sync!: (p: { id: string }) => User
  // @ts-expect-error not a function
  @get('/users') text!: string
  // @ts-expect-error name would go to the URL
  @post('/users') spill!: (p: { name: string }) => Promise<User>

  // @ts-expect-error the path variable is missing
  @get('/users/{id}')
  async method(_p: { name: string }): Promise<User> {
    return undefined as never
  }
}
