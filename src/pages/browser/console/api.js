/**
 * Requests to the registry's endpoints for the console. The token lives in the storage of this tab; the password is not kept.
 *
 * @typedef {object} Api
 * @property {(name: string, query?: Record<string, string>) => Promise<any>} get
 * @property {(name: string, body: object) => Promise<any>} post
 * @property {(username: string, password: string) => Promise<void>} login
 * @property {() => void} logout
 * @property {() => Record<string, string>} headers
 * @property {(query: Record<string, string>) => string} liveUrl
 */

const ROOT = '/_dev/api/'
const TOKEN = 'sidecar.dev.token'

/** The registry refused; `code` is one of the words `failed.…`. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

/**
 * @param {() => void} onUnauthorized the token is missing or no longer good
 * @returns {Api}
 */
export function createApi(onUnauthorized) {
  /** @type {() => Record<string, string>} */
  const headers = () => {
    const token = sessionStorage.getItem(TOKEN)
    return token ? { Authorization: `Bearer ${token}` } : {}
  }

  /**
   * @param {string} name
   * @param {RequestInit} init
   */
  const send = async (name, init) => {
    const response = await fetch(ROOT + name, { cache: 'no-store', ...init }).catch(() => {
      throw new ApiError('unreachable', '')
    })
    const body = await response.json().catch(() => ({}))
    if (response.ok) return body
    if (response.status === 429) throw new ApiError('too-many', String(body.message ?? ''))
    if (body.code === 'unauthorized') onUnauthorized()
    throw new ApiError(String(body.code ?? 'failed'), String(body.message ?? response.statusText))
  }

  /**
   * @param {string} name
   * @param {object} body
   */
  const post = (name, body) =>
    send(name, {
      method: 'POST',
      headers: { ...headers(), 'Content-Type': 'application/json', 'X-Sidecar-Console': '1' },
      body: JSON.stringify(body),
    })

  return {
    get: (name, query = {}) => send(`${name}?${new URLSearchParams(query)}`, { headers: headers() }),
    post,
    async login(username, password) {
      const { token } = await post('login', { username, password })
      sessionStorage.setItem(TOKEN, token)
    },
    logout: () => sessionStorage.removeItem(TOKEN),
    headers,
    liveUrl: (query) => `${ROOT}live?${new URLSearchParams(query)}`,
  }
}
