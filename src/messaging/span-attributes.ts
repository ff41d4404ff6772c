import type { SpanFacts } from '../observe/traced.js'
import type { Message, Topic } from './broker.js'
import { exchangeName } from './names.js'

/** The span of a message. A class: an object with a getter of its own costs more than all the rest of a small event. */
export class MessageSpan implements SpanFacts {
  constructor(
    readonly kind: number,
    private readonly topic: Topic,
    private readonly message: Pick<Message, 'messageId' | 'body'>,
    private readonly queue?: string,
  ) {}

  get attributes(): Record<string, string | number> {
    const operation = this.queue === undefined ? 'send' : 'process'
    return messagingAttributes(operation, this.topic, this.message, this.queue)
  }
}

/** OpenTelemetry's semantic conventions for messages. */
function messagingAttributes(
  operation: 'send' | 'process',
  topic: Topic,
  { messageId, body }: Pick<Message, 'messageId' | 'body'>,
  queue?: string,
): Record<string, string | number> {
  return {
    'messaging.operation.type': operation,
    'messaging.destination.name': exchangeName(topic.source),
    'messaging.rabbitmq.destination.routing_key': topic.type,
    'messaging.message.body.size': body.byteLength,
    ...(messageId !== undefined && { 'messaging.message.id': messageId }),
    ...(queue !== undefined && { 'messaging.destination.subscription.name': queue }),
  }
}
