import { parseInteger } from './naming-params.js'

/** The n-th page; a number that is none counts as the first, as in Nacos. */
export function pageOf<T>(items: readonly T[], rawPageNo: string, rawPageSize: string): T[] {
  const pageNo = Math.max(1, parseInteger(rawPageNo) ?? 1)
  const pageSize = Math.max(0, parseInteger(rawPageSize) ?? 0)
  return items.slice((pageNo - 1) * pageSize, pageNo * pageSize)
}
