/** A server or a peer that cannot be had on this machine. `absent` names the missing tool, where that is the reason. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'

  constructor(
    message: string,
    readonly absent?: string,
  ) {
    super(message)
  }
}
