/** Where the page is. */
export const STATUS_PATH = '/_sidecar'

/** The pattern of its requests, for the figures. */
export const OWN_PATTERN = `${STATUS_PATH}/*`
