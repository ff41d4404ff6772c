/** OpenTelemetry's semantic conventions for calls. */
export function rpcAttributes(service: string, method: string): Record<string, string> {
  return { 'rpc.system': 'nameko', 'rpc.service': service, 'rpc.method': method, 'messaging.system': 'rabbitmq' }
}
