import type { LiveManagement } from './live-settings.js'

export const PAGES = ['info', 'metrics', 'prometheus', 'loggers'] as const
export type PageName = (typeof PAGES)[number]

/**
 * The pages that are answered beside the health pages. Spring Boot shows none until `exposure.include` names some. Here they
 * are shown as well where a token or a port of their own keeps them from the public.
 *
 * @param kept a token is needed, or the pages have a port of their own
 */
export function exposedPages({ include, exclude }: LiveManagement, kept: boolean): ReadonlySet<PageName> {
  const wanted = include ?? (kept ? ['*'] : [])
  return new Set(PAGES.filter((page) => names(wanted, page) && !names(exclude, page)))
}

function names(list: readonly string[], page: PageName): boolean {
  return list.some((one) => one === '*' || one.toLowerCase() === page)
}
