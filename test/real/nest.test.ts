import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterEach, describe, expect, test } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { tempFolder } from '../support/temp-folder.js'
import { installBeside, npmPackages } from './servers/npm-packages.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'

const OFFICIAL = ['common', 'core', 'microservices', 'platform-express', 'platform-fastify', 'terminus', 'testing']
const STORY = readFileSync(fileURLToPath(new URL('nest/story.txt', import.meta.url)), 'utf8')

const versions = await Promise.all(
  [11, 12].map(async (major) => {
    const wanted = [...OFFICIAL.map((name) => `@nestjs/${name}@${major}`), 'reflect-metadata@0.2', 'rxjs@7']
    return npmPackages(`nest-${major}`, wanted).then(
      (packages) => ({ major, packages, missing: undefined }),
      (error: unknown) => ({
        major,
        packages: '',
        missing: { reason: String(error), toolAbsent: error instanceof Unavailable && error.absent !== undefined },
      }),
    )
  }),
)

afterEach(killChildren)

describe.each(versions)('NestJS $major: SidecarModule', ({ major, packages, missing }) => {
  if (missing) return cannotBeHad(missing)

  test.each([
    ['express', 'esm'],
    ['express', 'cjs'],
    ['fastify', 'esm'],
    ['fastify', 'cjs'],
  ] as const)('on %s, %s: hybrid app, terminus, testing module, microservice', async (PLATFORM, format) => {
    const folder = tempFolder({})
    installBeside(folder, packages)
    const version = (name: string) =>
      (JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')) as { version: string }).version
    expect(version('@nestjs/core')).toMatch(new RegExp(`^${major}\\.`))
    const main = join(folder, format === 'esm' ? 'main.mjs' : 'main.cjs')
    writeFileSync(main, compiled(format))
    const child = startChild(main, { cwd: folder, env: { PLATFORM } })
    expect(await child.exited, child.stderr).toEqual({ code: 0, signal: null })
    const nacos = { status: 'up', phase: 'serving', registered: true }
    expect(JSON.parse(child.stdout.trim().split('\n').at(-1)!)).toEqual({
      registered: [true],
      greet: 'Hello Ada',
      changed: 'Bonjour Ada',
      ready: { status: 'ok', info: { nacos }, error: {}, details: { nacos } },
      said: ['deregistered', 'destroyed', 'shutdown', 'stopped'],
      tested: [
        [401, ''],
        [200, 'Hello a fake'],
      ],
      pages: [200, 200],
      unready: 503,
      left: 'left',
      microservice: ['Hello Ada', 'starting', false],
      microserviceLeft: 'left',
    })
  })
})

/** As `tsc` makes it for a NestJS project. */
function compiled(format: 'esm' | 'cjs'): string {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: format === 'esm' ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    esModuleInterop: true,
  }
  return ts.transpileModule(STORY, { compilerOptions }).outputText
}
