import { buildSync, type BuildOptions } from 'esbuild'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { FeignError, SidecarError } from 'nacos-sidecar'
import { afterEach, describe, expect, it } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { tempFolder } from '../support/temp-folder.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FACTS = { service: 'a', method: 'GET', url: '/', attempts: 1 }

describe('K6: errors are recognised across copies of the package', () => {
  /** As `require` loads it, beside what `import` has loaded. */
  function otherCopy(): { SidecarError: typeof SidecarError; FeignError: typeof FeignError } {
    const outfile = `${tempFolder({})}/copy.cjs`
    bundle(`export { SidecarError } from './src/errors.js'; export { FeignError } from './src/feign/errors.js'`, {
      outfile,
      format: 'cjs',
    })
    return createRequire(import.meta.url)(outfile) as ReturnType<typeof otherCopy>
  }

  it('K6: instanceof holds for the errors of another copy, in both directions, and for FeignError', () => {
    const { SidecarError: Other, FeignError: OtherFeign } = otherCopy()
    expect(Other).not.toBe(SidecarError)
    const refused = new Other('SIDECAR_REGISTRY_REFUSED', 'no')
    const failed = new OtherFeign('SIDECAR_CALL_STATUS', 'no', FACTS)
    expect(refused instanceof SidecarError).toBe(true)
    expect(new SidecarError('SIDECAR_STOPPED', 'no') instanceof Other).toBe(true)
    expect(failed instanceof SidecarError).toBe(true)
    expect(failed instanceof FeignError).toBe(true)
    expect(refused instanceof FeignError).toBe(false)
  })

  it('K6: an error of something else is none, and a subclass of the app knows its own alone', () => {
    class Mine extends SidecarError {}
    const mine = new Mine('SIDECAR_STOPPED', 'no')
    expect([mine instanceof Mine, mine instanceof SidecarError, mine instanceof Error]).toEqual([true, true, true])
    expect(new SidecarError('SIDECAR_STOPPED', 'no') instanceof Mine).toBe(false)
    for (const other of [new Error('SidecarError'), { name: 'SidecarError', code: 'SIDECAR_STOPPED' }, null, 'x', 1]) {
      expect((other as unknown) instanceof SidecarError).toBe(false)
    }
  })
})

describe('K26: an uncaught error prints under its own name', () => {
  afterEach(killChildren)

  it.each([false, true])('K26: SidecarError and FeignError, minified: %s', async (minify) => {
    const folder = tempFolder({})
    for (const [name, make] of [
      ['SidecarError', `new SidecarError('SIDECAR_STOPPED', 'it has stopped')`],
      ['FeignError', `new FeignError('SIDECAR_CALL_FAILED', 'it has stopped', ${JSON.stringify(FACTS)})`],
    ] as const) {
      const outfile = `${folder}/${name}-${minify}.mjs`
      bundle(
        `import { SidecarError } from './src/errors.js'; import { FeignError } from './src/feign/errors.js'
          setTimeout(() => { throw ${make} })`,
        { outfile, format: 'esm', minify },
      )
      const child = startChild(outfile)
      expect(await child.exited).toEqual({ code: 1, signal: null })
      expect(child.stderr).toMatch(new RegExp(`^${name}: it has stopped$`, 'm'))
      expect(child.stderr).not.toContain(`[${name}]`)
    }
  })
})

function bundle(contents: string, options: BuildOptions): void {
  const common = { bundle: true, platform: 'node', target: 'node20', packages: 'external', logLevel: 'silent' } as const
  buildSync({ stdin: { contents, resolveDir: ROOT, loader: 'ts' }, ...common, ...options })
}
