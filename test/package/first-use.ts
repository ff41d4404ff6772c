import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blocksOf } from '../support/doc-pages.js'
import { ownPort } from '../support/own-port.js'

const page = blocksOf('README.md')
const marked = (note: 'file' | 'run', name: string) => {
  const at = page.findIndex(({ notes }) => notes[note] === name)
  if (at < 0) throw new Error(`README.md has no block with <!-- ${note}: ${name} -->`)
  return { code: page[at]!.code, next: page[at + 1]! }
}
const lines = (name: string) => marked('run', name).code.trim().split('\n')
const APP = marked('file', 'app.js').code

/** An app that knows nothing of the package. */
const USERS = `
import express from 'express'
express().get('/users/:id', (request, response) => response.json({ id: request.params.id, name: 'Ada' })).listen(0)
`
/** Where a reader takes out of README.md what is CommonJS. */
const asCommonJs = (code: string) => code.replace(/^import (.*) from ('.*')$/gm, 'const $1 = require($2)')

/**
 * The first use of README.md: its commands and files, word for word, in an empty folder. Two things are not those of the page:
 * the package is the packed one, and the ports are free ones.
 */
export function describeFirstUse(tarball: () => string): void {
  describe('the first use, as README.md has it', () => {
    let folder: string
    let shell: ReturnType<typeof openShell>
    let ports: Record<string, string>
    const here = (text: string) => text.replace(/\b(8848|9202)\b/g, (port) => ports[port]!)
    const write = (file: string, code: string) => writeFileSync(join(folder, file), here(code))

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'hello-'))
      shell = openShell(folder)
      ports = { 8848: String(await ownPort()), 9202: String(await ownPort()) }
      const [create, install, init, dev, ...rest] = lines('install')
      expect(rest).toEqual([])
      await shell.run(create!)
      await shell.run(install!.replace(/\bnacos-sidecar\b/, tarball()))
      await shell.run(init!)
      write('bootstrap.yml', readFileSync(join(folder, 'bootstrap.yml'), 'utf8'))
      const registry = shell.start(here(dev!.replace('sidecar dev', 'sidecar dev --port 8848')))
      await registry.said(/Ctrl-C ends it/)
      write('app.js', APP)
      // Of the other files, beside those of the quick start.
      await shell.run('npm install koa fastify tsx --no-audit --no-fund --prefer-offline')
    }, 300_000)
    afterAll(async () => {
      await shell.end()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    }, 60_000)

    const greets = async () => {
      const { code, next } = marked('run', 'call')
      expect(JSON.parse(await shell.run(here(code)))).toEqual(JSON.parse(next.code))
    }

    it('Express: the app starts, registers, and answers what the page shows', async () => {
      const app = shell.start(lines('start').join('\n'))
      await app.said(/ registered DEFAULT_GROUP@@hello/)
      await greets()
      await app.interrupt()
      expect(app.output).toMatch(/deregistered/)
    })

    it('the same as CommonJS', async () => {
      write('app.cjs', asCommonJs(APP))
      const app = shell.start('node app.cjs')
      await app.said(/ registered /)
      await greets()
      await app.interrupt()
    })

    it('the same as TypeScript', async () => {
      write('app.ts', APP)
      const app = shell.start('npx tsx app.ts')
      await app.said(/ registered /)
      await greets()
      await app.interrupt()
    })

    it.each(['koa.js', 'fastify.js', 'plain.js'])('%s registers, and answers its health page', async (file) => {
      write(file, marked('file', file).code)
      const app = shell.start(`node ${file}`)
      await app.said(/ registered /)
      const response = await fetch(here('http://127.0.0.1:9202/health'))
      expect(response.status).toBe(200)
      if (file !== 'plain.js') expect(await response.json()).toMatchObject({ status: 'UP', registered: true })
      await app.interrupt()
    })

    it('npx nacos-sidecar run: an app without a line of ours is called by name, by the client of the page', async () => {
      write('users.js', USERS)
      const users = shell.start('npx nacos-sidecar run users.js --service-name user-service')
      await users.said(/ registered DEFAULT_GROUP@@user-service/)
      write('caller.ts', `${marked('file', 'caller.ts').code}\nconsole.log(JSON.stringify(user))\n`)
      expect(JSON.parse(await shell.run('npx tsx caller.ts'))).toEqual({ id: '42', name: 'Ada' })
      await users.interrupt()
    })

    it('errors of the first minutes say what to do next', async () => {
      await shell.run('mkdir -p empty')
      write('empty/app.js', APP)
      await expect(shell.run('cd empty && SIDECAR_CONFIG=. node app.js')).rejects.toThrow(/npx nacos-sidecar init/)
      const alone = shell.start('NACOS_SERVER=127.0.0.1:1 SERVER_PORT=0 node app.js')
      await alone.said(/"npx nacos-sidecar dev" is one/)
      await alone.interrupt()
      await expect(shell.run('npx nacos-sidecar init')).rejects.toThrow(/bootstrap\.yml is there already/)
    })
  })
}

/** Runs commands as a terminal does: each in a process group of its own, which Ctrl-C ends. */
function openShell(cwd: string) {
  const running = new Map<ChildProcess, Promise<unknown>>()

  function start(command: string) {
    const child = spawn('bash', ['-c', command], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const news = new EventEmitter()
    let output = ''
    let stdout = ''
    child.stdout.on('data', (data: Buffer) => void (stdout += String(data)))
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        output += String(data)
        news.emit('news')
      })
    }
    const closed = once(child, 'close').then(([code]) => {
      running.delete(child)
      news.emit('news')
      return code as number | null
    })
    running.set(child, closed)
    return {
      get output() {
        return output
      },
      /** Its code, and what it wrote. */
      ended: async () => ({ code: await closed, stdout }),
      async said(pattern: RegExp) {
        const hangs = AbortSignal.timeout(60_000)
        while (!pattern.test(output) && running.has(child) && !hangs.aborted)
          await once(news, 'news', { signal: hangs }).catch(() => {})
        if (!pattern.test(output)) throw new Error(`${command}: did not say ${String(pattern)}\n${output}`)
      },
      async interrupt() {
        process.kill(-child.pid!, 'SIGINT')
        await closed
      },
    }
  }

  return {
    start,
    /** @returns its standard output */
    async run(command: string): Promise<string> {
      const started = start(command)
      const { code, stdout } = await started.ended()
      if (code !== 0) throw new Error(`${command}: exit code ${code}\n${started.output}`)
      return stdout
    },
    async end() {
      for (const child of running.keys()) process.kill(-child.pid!, 'SIGKILL')
      await Promise.all(running.values())
    },
  }
}
