import { defineEnv } from 'nacos-sidecar/env'

/** What is said by variables: `SHOP_DB_FOLDER=/var/lib/shop`. */
export const env = defineEnv(
  {
    /** Where each service keeps its database; in memory without one. */
    DB_FOLDER: '',
    MAIL_FROM: 'shop@example.com',
  },
  { prefix: 'SHOP_' },
)
