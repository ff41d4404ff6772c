import { isGroupName, isServiceName } from '../instance.js'

export type NameKind = 'namespace' | 'group' | 'cluster' | 'service' | 'dataId'

interface NameRule {
  fits(text: string): boolean
  readonly expected: string
}

const RULES: Readonly<Record<NameKind, NameRule>> = {
  // Empty is the public one. Nacos before 2.3 takes 128 characters.
  namespace: { fits: (text) => /^[\w-]{0,128}$/.test(text), expected: 'a namespace id of letters, digits, _ and -' },
  group: { fits: isGroupName, expected: 'a group of letters, digits, _ - . and :' },
  cluster: { fits: (text) => /^[\w-]{1,64}$/.test(text), expected: 'a cluster of letters, digits, _ and -' },
  service: {
    fits: isServiceName,
    expected: 'a service name of up to 512 characters without blanks, Chinese characters, /, \\, ?, #, @ and %',
  },
  dataId: { fits: (text) => /^[\w.:-]{1,256}$/.test(text), expected: 'a data id of letters, digits, _ - . and :' },
}

/** Why Nacos would refuse a name: `undefined` if it would not, and for a placeholder, which is not resolved yet. */
export function nameFault(kind: NameKind, text: string): string | undefined {
  const { fits, expected } = RULES[kind]
  return fits(text) || text.includes('${')
    ? undefined
    : `expected ${expected}, got ${JSON.stringify(text.slice(0, 80))}`
}
