import { relaxed, type PropertyPath } from './path.js'

const SECRET_WORDS = ['password', 'passwd', 'passphrase', 'secret', 'token', 'credential', 'authorization']
const SECRET_ENDS = ['key', 'pwd']

/** Judged by its name: `db.password`, `access-key`, `credentials.user`. */
export function isSecret(path: PropertyPath): boolean {
  return path.some((segment) => {
    const name = relaxed(String(segment))
    return SECRET_WORDS.some((word) => name.includes(word)) || SECRET_ENDS.some((word) => name.endsWith(word))
  })
}

/** A value as it may be shown: secrets by name become `***`, and so does the password inside a URL. */
export function masked(path: PropertyPath, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item, index) => masked([...path, index], item))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked([...path, key], inner)]))
  }
  if (value === undefined || value === null || typeof value === 'boolean' || value === '') return value
  if (isSecret(path)) return '***'
  return typeof value === 'string' ? maskUserInfo(value) : value
}

function maskUserInfo(text: string): string {
  return text.replace(/(:\/\/[^/\s:@]{0,256}:)[^/\s@]{1,1024}@/g, '$1***@')
}
