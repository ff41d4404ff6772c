import * as z from 'zod'
import { settingsSchema } from '../src/settings/schema.js'
import { kebab } from '../src/settings/shape.js'

export interface JsonSchema {
  description?: string
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  additionalProperties?: JsonSchema
  anyOf?: JsonSchema[]
  definitions?: Record<string, JsonSchema>
  [keyword: string]: unknown
}

/**
 * The published bootstrap.schema.json: Spring's kebab-case names, below `spring:` or not. Other keys stay allowed, for
 * a bootstrap.yml holds an app's own settings as well.
 */
export function bootstrapJsonSchema(): JsonSchema {
  const generated = z.toJSONSchema(settingsSchema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    override: ({ jsonSchema, zodSchema }) => {
      const schema = jsonSchema as JsonSchema
      if (schema.properties) {
        schema.properties = Object.fromEntries(
          Object.entries(schema.properties).map(([name, inner]) => [kebab(name), inner]),
        )
        // `key:` with nothing behind it is as good as no key.
        schema['type'] = ['object', 'null']
      } else if (
        zodSchema._zod.def.type === 'record' &&
        schema.additionalProperties &&
        !schema.additionalProperties.properties
      ) {
        // A dotted name may be written as levels.
        schema.additionalProperties = { anyOf: [schema.additionalProperties, { type: 'object' }] }
      }
      if (Array.isArray(schema['required'])) schema['required'] = schema['required'].map((name) => kebab(String(name)))
    },
  }) as JsonSchema
  const { $schema, properties: definitions = {} } = generated
  addDefaults(definitions, settingsSchema.parse({}))
  const sections = () =>
    Object.fromEntries(Object.keys(definitions).map((name) => [name, { $ref: `#/definitions/${name}` }]))
  return {
    $schema,
    $id: 'https://unpkg.com/nacos-sidecar/bootstrap.schema.json',
    title: 'bootstrap.yml of nacos-sidecar',
    type: ['object', 'null'],
    properties: { spring: { type: ['object', 'null'], properties: sections() }, ...sections() },
    definitions,
  }
}

/** From the settings themselves: zod leaves out the default of what it transforms. */
function addDefaults(properties: Record<string, JsonSchema>, defaults: Record<string, unknown>): void {
  for (const schema of Object.values(properties)) delete schema['default']
  for (const [name, value] of Object.entries(defaults)) {
    const schema = properties[kebab(name)]
    if (!schema) continue
    if (schema.properties) addDefaults(schema.properties, value as Record<string, unknown>)
    else if (typeof value !== 'object') schema['default'] = value
  }
}
