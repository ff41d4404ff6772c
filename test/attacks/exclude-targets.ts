import fc from 'fast-check'

export const EXCLUDED = ['/public', '/files/*', '/docs/**', '/open/*/page', '/img/*.png']
export const ROUTES = [
  '/',
  '/public',
  '/public/page',
  '/public/:name',
  '/files/:name',
  '/docs/:name',
  '/open/:name/page',
  '/img/:name',
  '/admin',
  '/admin/:name',
  '/health/:name',
  '/:a',
  '/:a/:b',
  '/:a/:b/:c',
]

const TRAVERSALS = [
  '..',
  '%2e%2e',
  '..;',
  '%252e%252e',
  '.',
  '...',
  '%2E%2e',
  '.%2e',
  '%2e.',
  '..;x=1',
  '..%00',
  '%2e%2e%00',
  '..%20',
  '%c0%ae%c0%ae',
  '%e0%80%ae%e0%80%ae',
  '%u002e%u002e',
  '..%09',
  '',
]
const SEPARATORS = [
  '/',
  '//',
  '///',
  '%2f',
  '%2F',
  '%252f',
  '\\',
  '%5c',
  '%255c',
  '/;/',
  ';/',
  ';',
  '/;x=1/',
  '%00/',
  '%00',
  '/%00',
  '%3b/',
  '%c0%af',
  '#/',
  '%23/',
  '?/',
  '%3f/',
  '/%0a',
  '%0d%0a',
  '/\u00a0/',
  '/./',
]
const BASES = [
  '/public',
  '/files/a',
  '/docs/a/b',
  '/open/x/page',
  '/img/a.png',
  '/health',
  '/PUBLIC',
  '/%70ublic',
  '/publi%63',
  '/publics',
  '/public%20',
  '/public.',
  '/public~',
]
const ENDS = ['/admin', '/%61dmin', '/ADMIN', '/admin/', '/public', '/page']

/** Made by hand for one trick each. */
export const TRICKS = [
  'http://localhost/admin',
  'http://localhost/public',
  'http://localhost/public/../admin',
  'http://public/admin',
  'HTTP://localhost//admin',
  'http:///public',
  'http://localhost\\public',
  'localhost:80/public',
  '//public/admin',
  '//localhost/public',
  '///public',
  '*',
  'admin',
  'public',
  '?/public',
  '/?/public',
  '/admin?/public',
  '/admin?x=/../public',
  '/admin#/public',
  '/admin%3f/public',
  '/admin/%2e%2e/public',
  '/admin/../public',
  '/admin;/public',
  '/admin;/../public',
  '/admin%00/public',
  '/admin%00.png',
  '/img/../admin.png',
  '/img/..%2fadmin.png',
  '/img/admin%3f.png',
  '/img/admin%23.png',
  '/img/admin;.png',
  '/img/x/a.png',
  '/files/%2e%2e%2fadmin',
  '/files/..',
  '/files/../',
  '/files/',
  '/files//',
  '/files',
  '/open/../admin/page',
  '/open//page',
  '/open/%2fadmin/page',
  '/open/x/%70age',
  '/Public',
  '/PUBLIC/page',
  '/public/',
  '/public//',
  '/public/%2e',
  '/%2fpublic',
  '/%5cpublic',
  '/.',
  '/..',
  '/../public',
  '/./public',
  '/%',
  '/public/%',
  '/public%',
  '/public/%zz',
  `/public/${'../'.repeat(500)}admin`,
  `/public/${'%2e%2e/'.repeat(500)}admin`,
  `/public/${'a'.repeat(8000)}`,
  '/health/../admin',
  '/health/',
  '/HEALTH',
  '/health;x',
  '/actuator/health/../../admin',
]

/** Put together by chance; what cannot stand in a request line is left out. */
export const randomTargets = fc
  .array(fc.constantFrom(...BASES, ...SEPARATORS, ...TRAVERSALS, ...ENDS, 'admin', 'public', 'a'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((pieces) => `/${pieces.join('')}`)
  .filter((path) => !/[\r\n ]/.test(path))

export function generated(): string[] {
  const targets = new Set(TRICKS)
  for (const base of BASES) {
    targets.add(base)
    for (const separator of SEPARATORS) {
      targets.add(base + separator)
      for (const traversal of TRAVERSALS)
        targets.add(`${base}${separator}${traversal}${ENDS[targets.size % ENDS.length]}`)
    }
  }
  for (const path of fc.sample(randomTargets, { seed: 7, numRuns: 300 })) targets.add(path)
  return [...targets].filter((path) => !/[\r\n ]/.test(path))
}

/**
 * The path as the most willing of all servers would read it: decoded until nothing is left to decode, every kind of
 * separator taken for one, parameters dropped, dots resolved. Written apart from the code it judges.
 */
export function canonical(path: string): string {
  let text = path.replace(/^[a-z]+:\/\/[^/]*/i, '').split(/[?#]/, 1)[0]!
  for (let round = 0; round < 4; round++)
    text = text.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const kept: string[] = []
  const segments = text.replaceAll('\\', '/').split('/')
  for (const segment of segments) {
    const name = segment.replace(/;.*$/, '')
    if (name === '..') kept.pop()
    else if (name !== '' && name !== '.') kept.push(name)
  }
  return `/${kept.join('/')}${kept.length > 0 && text.endsWith('/') ? '/' : ''}`
}

/** What `EXCLUDED` and the open health pages mean, said without any code of the product. */
export function mayBeOpen(path: string): boolean {
  return (
    /^\/(public|docs)(\/.*)?$/s.test(path) ||
    /^\/files\/[^/]+$/.test(path) ||
    /^\/open\/[^/]+\/page$/.test(path) ||
    /^\/img\/[^/]*\.png$/.test(path) ||
    path === '/health'
  )
}

/** The path as a client sends it. */
export const encode = (path: string) => path.split('/').map(encodeURIComponent).join('/')
