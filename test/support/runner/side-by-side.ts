import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Of so many files that start, one computes; the others wait, and leave it the cores. */
const ONE_IN = 3

/**
 * Starts what waits and what computes side by side, so that neither waits nor work are left to the end.
 * Within each kind vitest's own order holds: the longest of the last run first, in a fresh clone the largest file. One
 * project follows the other: a worker keeps its modules for as long as the project is the same.
 */
export class SideBySide extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const byProject = new Map<string, TestSpecification[]>()
    for (const file of await super.sort(files)) {
      const { name } = file.project
      byProject.set(name, [...(byProject.get(name) ?? []), file])
    }
    return [...byProject.values()].toSorted((one, other) => other.length - one.length).flatMap(mixed)
  }
}

function mixed(files: readonly TestSpecification[]): TestSpecification[] {
  const waiting = files.filter(waitsMore)
  const computing = files.filter((file) => !waitsMore(file))
  const order: TestSpecification[] = []
  while (waiting.length > 0 && computing.length > 0) {
    order.push((order.length % ONE_IN === ONE_IN - 1 ? computing : waiting).shift()!)
  }
  return [...order, ...waiting, ...computing]
}

/** The contracts wait for leases and pushes; small as their files are, they would come last in a fresh clone. */
const waitsMore = ({ moduleId }: TestSpecification) => /[\\/]test[\\/](?:faults|e2e|contract)[\\/]/.test(moduleId)
