import { describe, expect, it } from 'vitest'
import { createPageFiles } from '../../../src/pages/files.js'

const PREFIX = '/_dev/files/'
const files = createPageFiles({ page: 'console', prefix: PREFIX })

describe('the files of a page', () => {
  it('allows the page nothing but files of its own origin, and no frame around it', () => {
    const { status, headers } = files.html()
    expect(status).toBe(200)
    expect(headers['Content-Type']).toBe('text/html; charset=utf-8')
    expect(headers['X-Content-Type-Options']).toBe('nosniff')
    expect(headers['Content-Security-Policy']?.split('; ')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ])
  })

  it('has neither inline scripts nor inline styles', () => {
    const html = files.html().body.toString()
    expect(html).not.toMatch(/<style|\son\w+=|\sstyle=|javascript:/i)
    expect([...html.matchAll(/<script[^>]*>([^<]*)<\/script>/g)].map(([, inner]) => inner)).toEqual([''])
  })

  it('serves what the HTML names, with types that a browser takes under nosniff', () => {
    const html = files.html().body.toString()
    const named = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => path!)
    expect(named.length).toBeGreaterThan(0)
    for (const path of named.filter((path) => path.includes('/base/'))) {
      const { status, headers } = files.file(path)!
      expect(status, path).toBe(200)
      expect(headers['Content-Type'], path).toMatch(/^(text\/(css|javascript); charset=utf-8|image\/svg\+xml)$/)
      expect(headers['X-Content-Type-Options'], path).toBe('nosniff')
    }
  })

  it('answers 304 to the ETag that it gave', () => {
    const { headers, body } = files.file(`${PREFIX}base/base.css`)!
    expect(body.length).toBeGreaterThan(0)
    expect(files.file(`${PREFIX}base/base.css`, headers['ETag'])).toMatchObject({ status: 304, body: Buffer.alloc(0) })
    expect(files.file(`${PREFIX}base/base.css`, '"another"')).toMatchObject({ status: 200 })
  })

  it.each([
    'base/../../files.ts',
    'base/%2e%2e/files.ts',
    'tsconfig.json',
    'index.html',
    'base',
    'base/',
    '',
    '../files.ts',
    'status/index.html',
  ])('has no file %j', (path) => {
    expect(files.file(`${PREFIX}${path}`)).toBeUndefined()
  })
})
