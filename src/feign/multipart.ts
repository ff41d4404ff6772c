import { randomUUID } from 'node:crypto'
import { throwInvalidCall } from './invalid-call.js'

/** What is known of a form, whichever library it comes from: the global one, undici's, formdata-node's. */
export interface FormLike {
  entries(): Iterable<readonly [string, unknown]>
}

export function isFormLike(value: object): value is FormLike {
  const { [Symbol.toStringTag]: tag, entries } = value as { [Symbol.toStringTag]?: unknown; entries?: unknown }
  return tag === 'FormData' && typeof entries === 'function'
}

/**
 * A form as multipart/form-data. A Blob reads its files only when it is read itself, and knows its length.
 *
 * @throws SidecarError `SIDECAR_CALL_INVALID` for a file that is no Blob
 */
export function encodeForm(form: FormLike): Blob {
  const boundary = `----sidecar-${randomUUID()}`
  const parts: (string | Blob)[] = []
  for (const [name, value] of form.entries()) {
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(lines(name))}"`
    if (typeof value === 'string') parts.push(`${head}\r\n\r\n${lines(value)}\r\n`)
    else if (value instanceof Blob) {
      const file = (value as Partial<File>).name ?? 'blob'
      const type = value.type || 'application/octet-stream'
      parts.push(`${head}; filename="${quoted(file)}"\r\ncontent-type: ${type}\r\n\r\n`, value, '\r\n')
    } else throwInvalidCall(`body: the field ${JSON.stringify(name)} of the form is neither text nor a Blob`)
  }
  parts.push(`--${boundary}--\r\n`)
  return new Blob(parts, { type: `multipart/form-data; boundary=${boundary}` })
}

function lines(text: string): string {
  return text.replace(/\r\n?|\n/g, '\r\n')
}

function quoted(text: string): string {
  return text.replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22')
}
