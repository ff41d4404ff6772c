/**
 * `#/services/<namespace>/<group>/<name>`: the address of a view stands in the hash, so that it can be kept and sent.
 *
 * @param {...string} parts
 */
export function linkTo(...parts) {
  return `#/${parts.map(encodeURIComponent).join('/')}`
}

/** @param {import('./types.d.ts').ServiceName} service */
export function linkToService({ namespace, group, name }) {
  return linkTo('services', namespace, group, name)
}

/** @param {import('./types.d.ts').ConfigName} config */
export function linkToConfig({ namespace, group, dataId }) {
  return linkTo('configs', namespace, group, dataId)
}
