import { feign, get } from 'nacos-sidecar'

export interface Hello {
  message: string
  framework: string
  pid: number
}

export interface Report {
  report: string
  framework: string
}

/** A typed client of hello-service, wherever its instances run. */
@feign('hello-service')
export class HelloClient {
  @get('/public/hello/{name}') hello!: (name: string) => Promise<Hello>
  @get('/admin/report') report!: () => Promise<Report>
}
