import * as z from 'zod'

/** The events between the services, and the checks of those that take them. */

/** `orders placed` */
export const Placed = z.object({ id: z.string(), item: z.string(), count: z.number().int().positive() })
export type Placed = z.infer<typeof Placed>

/** `stock reserved`, `stock short` */
export const OfOrder = z.object({ id: z.string() })
export type OfOrder = z.infer<typeof OfOrder>

/** `orders confirmed`, `orders rejected` */
export const Decided = z.object({ id: z.string(), mail: z.email(), item: z.string(), total: z.number() })
export type Decided = z.infer<typeof Decided>
