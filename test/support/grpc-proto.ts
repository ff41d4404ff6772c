import { loadSync, type MethodDefinition } from '@grpc/proto-loader'
import { fileURLToPath } from 'node:url'

/** A payload as protobuf.js has it: a coding that shares nothing with ours. */
export interface ProtoPayload {
  metadata: { type: string; clientIp: string; headers: Record<string, string> }
  body: { type_url: string; value: Buffer }
}

type Method = MethodDefinition<object, object>

const definition = loadSync(fileURLToPath(new URL('../fixtures/wire/nacos.proto', import.meta.url)), {
  defaults: true,
  keepCase: true,
})

export const services = {
  request: definition['Request'] as unknown as { request: Method },
  stream: definition['BiRequestStream'] as unknown as { requestBiStream: Method },
}

export const protoEncode = (payload: ProtoPayload): Buffer => services.request.request.requestSerialize(payload)
export const protoDecode = (bytes: Buffer): ProtoPayload =>
  services.request.request.requestDeserialize(bytes) as ProtoPayload
