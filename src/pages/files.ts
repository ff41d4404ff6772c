import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The answer to a request for a file of a page, before it is written. */
export interface PageReply {
  readonly status: number
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

export interface PageFilesOptions {
  /** Folder below `src/pages/browser`: `console` or `status`. Its `index.html` is the page. */
  readonly page: string
  /**
   * Path at which the files are asked for, with a slash at its end. `{{base}}` in the HTML becomes it, and `<!-- modules -->`
   * links that load all modules at once, and not one after the other as they import each other.
   */
  readonly prefix: string
}

/** The files of one page. They are read from the disk at the first request, once. */
export interface PageFiles {
  /** The page itself, under its Content-Security-Policy. */
  html(ifNoneMatch?: string): PageReply
  /** A file below the prefix; `undefined` where there is none of this name. */
  file(path: string, ifNoneMatch?: string): PageReply | undefined
}

/** Nothing but files of this origin: what a name or a document holds can neither run nor be sent elsewhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Headers of every answer that belongs to a page. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** Serves `src/pages/browser/base` and the folder of the page: scripts, styles and the HTML, as they are on the disk. */
export function createPageFiles({ page, prefix }: PageFilesOptions): PageFiles {
  let files: Map<string, Loaded> | undefined
  const load = () => (files ??= readFiles(page, prefix))
  return {
    html: (ifNoneMatch) => {
      const html = load().get('index.html')
      return html ? answer(html, ifNoneMatch) : LOST
    },
    file: (path, ifNoneMatch) => {
      if (!path.startsWith(prefix)) return undefined
      const found = load().get(path.slice(prefix.length))
      // The HTML has its one address.
      return found && !found.headers['Content-Type']?.startsWith('text/html') ? answer(found, ifNoneMatch) : undefined
    },
  }
}

interface Loaded {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

function answer({ body, headers }: Loaded, ifNoneMatch: string | undefined): PageReply {
  const known = ifNoneMatch !== undefined && ifNoneMatch === headers['ETag']
  return known ? { status: 304, body: Buffer.alloc(0), headers } : { status: 200, body, headers }
}

const LOST: PageReply = {
  status: 404,
  body: Buffer.from(
    'The files of this page are not beside the program: a bundler left out dist/pages of nacos-sidecar.\n',
  ),
  headers: { ...PAGE_HEADERS, 'Content-Type': 'text/plain; charset=utf-8' },
}

function readFiles(page: string, prefix: string): Map<string, Loaded> {
  const files = new Map<string, Loaded>()
  const root = browserFolder()
  if (root === undefined) return files
  for (const folder of ['base', page]) {
    for (const name of readdirSync(join(root, folder))) {
      const type = TYPES[extname(name)]
      if (type === undefined) continue
      files.set(`${folder}/${name}`, loaded(readFileSync(join(root, folder, name)), type))
    }
  }
  const modules = [...files.keys()].filter((file) => file.endsWith('.js'))
  const links = modules.map((file) => `<link rel="modulepreload" href="${prefix}${file}" />`).join('\n    ')
  const html = readFileSync(join(root, page, 'index.html'), 'utf8')
    .replaceAll('{{base}}', prefix)
    .replace('<!-- modules -->', links)
  files.set('index.html', loaded(Buffer.from(html), 'text/html; charset=utf-8'))
  return files
}

function loaded(body: Buffer, type: string): Loaded {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const policy: Record<string, string> = type.startsWith('text/html') ? { 'Content-Security-Policy': POLICY } : {}
  // Asked for again each time, and answered with 304: an update is never mixed with a page of before.
  const headers = { ...PAGE_HEADERS, ...policy, 'Content-Type': type, 'Cache-Control': 'no-cache', ETag: etag }
  return { body, headers }
}

/** `pages/browser` of the sources or of `dist`, beside this module or above it. */
function browserFolder(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const found = join(folder, 'pages', 'browser')
    if (existsSync(join(found, 'base'))) return found
    if (folder === dirname(folder)) return undefined
  }
}
