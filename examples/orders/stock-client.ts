import { feign, get } from 'nacos-sidecar'

export interface Item {
  readonly name: string
  /** In cents. */
  readonly price: number
  readonly left: number
}

/** A typed client of the service `stock`, wherever its instances run. */
@feign('stock')
export class StockClient {
  @get('/items/{name}', { decode404: true }) item!: (of: { name: string }) => Promise<Item | null>
}
