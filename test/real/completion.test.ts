import { execFile } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { tempFolder } from '../support/temp-folder.js'
import { unpackPackage } from './servers/debian.js'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** The folder that the shell's files are in: this machine's, or Debian's packages; a reason if it cannot be had. */
async function shellOf(name: string, at: string): Promise<{ root: string } | { reason: string }> {
  if (existsSync(join('/', at))) return { root: '/' }
  try {
    return { root: await unpackPackage(name, [`${name}-common`]) }
  } catch (error) {
    return { reason: `${name} cannot be had: ${error instanceof Error ? error.message : String(error)}` }
  }
}

const [fish, zsh] = await Promise.all([shellOf('fish', 'usr/bin/fish'), shellOf('zsh', 'bin/zsh')])

function environment(root: string) {
  const folder = tempFolder({ 'nacos-sidecar': `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n` })
  chmodSync(`${folder}/nacos-sidecar`, 0o755)
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((path) => join(root, path)).join(':')
  return {
    cwd: folder,
    env: {
      ...{ PATH: `${folder}:${process.env['PATH']}`, HOME: folder, TERM: 'xterm' },
      ...(root !== '/' && { LD_LIBRARY_PATH: libraries }),
    },
  }
}

describe('completion in real shells', () => {
  beforeAll(() => {
    if (!existsSync(CLI)) throw new Error('npm run build:js comes first')
  })

  test('fish', async ({ skip }) => {
    if ('reason' in fish) return skip(fish.reason)
    const script = `nacos-sidecar completion fish | source
      complete -C 'nacos-sidecar doc'
      complete -C 'nacos-sidecar run --service-w'`
    const { stdout } = await promisify(execFile)(
      join(fish.root, 'usr/bin/fish'),
      ['-c', script],
      environment(fish.root),
    )
    expect(stdout.trim().split('\n')).toEqual([
      'doctor\tCheck the settings, this machine and the registry',
      expect.stringMatching(/^--service-weight\tWeight/) as string,
    ])
  })

  test('zsh: Tab in an interactive shell', async ({ skip }) => {
    if ('reason' in zsh) return skip(zsh.reason)
    const { root } = zsh
    const functions = join(root, 'usr/share/zsh/functions')
    const paths = `module_path=(${join(root, 'usr/lib/x86_64-linux-gnu/zsh')}/*(N)); fpath=(${functions} ${functions}/*(/N) ${functions}/Completion/*(/N))`
    const binary = join(root, 'bin/zsh')
    const script = `${paths}
      zmodload zsh/zpty
      zpty z ${binary} -f -i
      zpty -w z '${paths}; autoload -U compinit; compinit -u -D; source <(nacos-sidecar completion zsh); PS1=; print -r -- begun-$((1+1))'
      zpty -r z shown '*begun-2*'
      zpty -w -n z $'nacos-sidecar doc\\t'; zpty -r z shown '*nacos-sidecar doctor*'
      zpty -w -n z $'\\C-unacos-sidecar run --service-wei\\t'; zpty -r z shown '*--service-weight*'
      zpty -d z; print -r -- "both were completed"`
    const { stdout } = await promisify(execFile)(binary, ['-f', '-c', script], {
      ...environment(root),
      timeout: 60_000,
    })
    expect(stdout).toContain('both were completed')
  })
})
