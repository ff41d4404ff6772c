import type * as z from 'zod'

/**
 * What the binder, the environment and the published JSON schema need to know of a zod schema: is it a group of
 * settings, a list, a map of free names, or one value.
 */
export type Shape =
  | { readonly kind: 'section'; readonly fields: ReadonlyMap<string, Shape> }
  | { readonly kind: 'list'; readonly item: Shape; /** `a,b` is fine too. */ readonly orText: boolean }
  | { readonly kind: 'map'; readonly value: Shape }
  /** One value, or else the section it is short for. */
  | { readonly kind: 'value'; readonly section?: Shape }

type AnyZod = z.core.$ZodType

const VALUE: Shape = { kind: 'value' }

export function shapeOf(schema: AnyZod): Shape {
  const { def } = (schema as z.core.$ZodTypes)._zod
  switch (def.type) {
    case 'default':
    case 'prefault':
    case 'optional':
      return shapeOf(def.innerType)
    case 'pipe':
      return shapeOf(def.in)
    case 'object':
      return {
        kind: 'section',
        fields: new Map(Object.entries(def.shape).map(([name, field]) => [name, shapeOf(field)])),
      }
    case 'array':
      return { kind: 'list', item: shapeOf(def.element), orText: false }
    case 'record':
      return { kind: 'map', value: shapeOf(def.valueType) }
    case 'union':
      return shapeOfUnion(def.options.map(shapeOf))
    default:
      return VALUE
  }
}

function shapeOfUnion(options: readonly Shape[]): Shape {
  const list = options.find((option) => option.kind === 'list')
  if (list) return { ...list, orText: true }
  const section = options.find((option) => option.kind === 'section')
  return section ? { kind: 'value', section } : VALUE
}

/** `heartBeatInterval` → `heart-beat-interval` */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
