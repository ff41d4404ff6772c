import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * What starts processes waits for long, so it goes first, and what computes fills the cores behind it; a worker keeps
 * its modules for as long as the project is the same. Within a project vitest's own order holds: the longest of the last
 * run first, in a fresh clone the largest file.
 */
export class ProcessesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project: { name } }: TestSpecification) => (name === 'processes' ? 0 : 1)
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}
