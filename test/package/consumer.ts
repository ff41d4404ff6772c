import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

/** A consumer project that has installed the packed tarball. */
export interface Consumer {
  readonly folder: string
  readonly tarball: string
  /** Paths inside the tarball. */
  readonly files: readonly string[]
  /** The installed package.json. */
  readonly manifest: { readonly exports: Record<string, unknown>; readonly dependencies: Record<string, string> }
  write(file: string, content: string): string
  /** Rejects with both outputs where the command fails. */
  run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string>
  /** Makes a package of the repository's own node_modules visible, as if the consumer had installed it. */
  link(name: string): void
  remove(): void
}

/** Builds, packs and installs, as `npm publish` and `npm install` would. */
export async function createConsumer(): Promise<Consumer> {
  // Outside the checkout: its node_modules must not be found by accident.
  const folder = mkdtempSync(join(tmpdir(), 'nacos-sidecar-consumer-'))
  await run('npm', ['run', 'build'], REPOSITORY)
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], REPOSITORY)
  const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ]
  const tarball = join(folder, filename)
  writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true }')
  await run('npm', ['install', tarball, '--no-audit', '--no-fund', '--prefer-offline'], folder)

  const installed = join(folder, 'node_modules', 'nacos-sidecar', 'package.json')
  return {
    folder,
    tarball,
    files: files.map((file) => file.path),
    manifest: JSON.parse(readFileSync(installed, 'utf8')) as Consumer['manifest'],
    write(file, content) {
      const path = join(folder, file)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
      return path
    },
    run: (command, args, env) => run(command, args, folder, env),
    link(name) {
      const path = join(folder, 'node_modules', name)
      if (existsSync(path)) return
      mkdirSync(dirname(path), { recursive: true })
      symlinkSync(join(REPOSITORY, 'node_modules', name), path)
    },
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  }
}

/** A tool of the repository, run by this very Node. */
export function tool(name: string): string {
  return join(REPOSITORY, 'node_modules', '.bin', name)
}

function run(command: string, args: readonly string[], cwd: string, env?: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024, timeout: 400_000 }
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`))
      else resolve(stdout)
    })
  })
}
