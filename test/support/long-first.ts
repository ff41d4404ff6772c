import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Files that wait for long, the longest first. One of them that started last would have the machine to itself; without
 * the cache of an earlier run, vitest would go by the size of a file.
 */
const LONG = [
  'e2e/rollout',
  'faults/21-',
  'faults/48-',
  'faults/01-',
  'faults/17-',
  'faults/50-',
  'e2e/platforms',
  'e2e/start',
  'e2e/frameworks',
  'faults/15-',
  'faults/02-',
  'faults/05-',
  'faults/14-',
  'faults/03-',
  'e2e/nest',
  'faults/16-',
  'faults/23-',
  'faults/24-',
  'faults/22-',
  'faults/44-',
  'contract/embedded-push',
  'attacks/exclude-bypass',
  'contract/embedded-auth',
  'lifecycle/signals',
  'nacos-grpc/connection',
  'nacos/connect',
  'contract/embedded',
  'nacos-grpc/services',
  'nacos-grpc/security',
  'cli/dev',
]

/** What starts processes comes before what does not: a worker keeps its modules for as long as the project is the same. */
const PROJECTS = ['processes', 'in-process', 'legacy-decorators', 'timed']

/** The order in which test files start: the same on every machine. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = LONG.findIndex(
        (name) => moduleId.includes(`/test/${name}`) || moduleId.includes(`/test/unit/${name}`),
      )
      return index === -1 ? LONG.length : index
    }
    const project = ({ project: { name } }: TestSpecification) => PROJECTS.indexOf(name)
    return files.toSorted(
      (a, b) => project(a) - project(b) || rank(a) - rank(b) || a.moduleId.localeCompare(b.moduleId),
    )
  }
}
