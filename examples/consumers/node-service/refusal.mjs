/** A request that is answered with an error. The message is for the client; anything else thrown is not. */
export class Refusal extends Error {
  constructor(status, message, { body = {}, headers = {} } = {}) {
    super(message)
    Object.assign(this, { status, body: { error: message, ...body }, headers })
  }
}
