/**
 * What a snippet of the documentation may use without declaring it: the app of the reader, and the types that it calls
 * other services with. Only types count here; nothing of this file runs.
 */
import type { Express } from 'express'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Sidecar } from 'nacos-sidecar'

export declare const app: Express
export declare const sidecar: Sidecar
export declare const handler: RequestListener
export declare const server: Server
export declare const request: IncomingMessage
export declare const response: ServerResponse
export declare const socket: Duplex

export interface NewUser {
  readonly name: string
}
export interface User extends NewUser {
  readonly id: string
}
export interface Order {
  readonly id: string
  readonly total: number
}
