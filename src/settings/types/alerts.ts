// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

/** The settings below `sidecar.alerts`. */
export interface AlertSettings {
  /** Form of the message: `json`, or that of a chat. */
  readonly format: 'json' | 'dingtalk' | 'feishu' | 'wecom' | 'slack'
  /**
   * What is reported. `registry-lost`: no server of the registry answers. `config-rejected`: a version of a document
   * cannot be used. `ejected`: an instance of another service fails. `error-rate>5%/1m`: more than 5 % of the requests
   * that this instance served within a minute failed.
   * @default registry-lost, config-rejected, ejected
   */
  readonly on: readonly string[]
  /** A condition that ends within this time is not reported. */
  readonly for: number
  /** How often a condition that lasts is reported again. 0: once. */
  readonly repeat: number
  /** Deadline of one request to the webhook. */
  readonly timeout: number
  /**
   * Address that alerts are sent to with POST. A chat's webhook is a secret: give it by the environment.
   * @default none: no alerts; the same if it is empty
   */
  readonly webhook?: string | undefined
  /** Key that signs the message, where the webhook of DingTalk or Feishu asks for it. */
  readonly secret?: string | undefined
}
