import { notify } from '../base/notice.js'
import { ApiError } from './api.js'

/** @typedef {import('../base/i18n.js').I18n} I18n */

/**
 * A sentence for the reader.
 *
 * @param {I18n} i18n
 * @param {unknown} error
 */
export function failure(i18n, error) {
  if (!(error instanceof ApiError)) return i18n.t('failed.failed', { why: String(error) })
  const key = `failed.${error.code}`
  const text = i18n.t(key, { why: error.message })
  return text === key ? i18n.t('failed.failed', { why: error.message }) : text
}

/**
 * Does something, and says how it went. True where it went well.
 *
 * @param {I18n} i18n
 * @param {() => Promise<unknown>} action
 * @param {string} done
 */
export async function perform(i18n, action, done) {
  try {
    await action()
    notify(done, 'done', i18n.t('base.close'))
    return true
  } catch (error) {
    notify(failure(i18n, error), 'failed', i18n.t('base.close'))
    return false
  }
}
