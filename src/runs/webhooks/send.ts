import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressPolicy } from './address.ts';
import { signedHeaders } from './sign.ts';

export interface Message {
  /** The same for every attempt, so that the receiver knows a repeated one. */
  id: string;
  url: string;
  secret: string;
  /** JSON. */
  body: string;
}

export interface SendOptions {
  policy: AddressPolicy;
  /** Milliseconds from the look-up of the name to the last byte of the answer. */
  timeoutMs: number;
}

/** An answer is read no further than this. */
const MOST_ANSWER_BYTES = 64 * 1024;

/**
 * Sends a signed message. Redirects are not followed, no connection is kept or shared, and none goes to an address
 * that the policy does not allow.
 * @returns the status that the receiver answered
 * @throws webhook_refused; whatever kept the answer from coming
 */
export async function sendMessage(message: Message, { policy, timeoutMs }: SendOptions): Promise<number> {
  const { url, body } = message;
  policy.check(url);
  const request = new URL(url).protocol === 'https:' ? httpsRequest : httpRequest;
  const signal = AbortSignal.timeout(timeoutMs);
  return await new Promise((resolve, reject) => {
    const call: ClientRequest = request(
      url,
      {
        method: 'POST',
        agent: false,
        lookup: policy.lookup,
        signal,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'stylograph-webhooks/1',
          ...signedHeaders(message),
        },
      },
      (answer) => finish(answer, resolve, reject),
    );
    call.once('error', (error) =>
      reject(signal.aborted ? new Error(`no answer within ${timeoutMs} ms`, { cause: error }) : error),
    );
    call.end(body);
  });
}

/** The status is all that matters; the rest is read so that the receiver is not cut off, unless it goes on and on. */
function finish(
  answer: IncomingMessage,
  resolve: (status: number) => void,
  reject: (error: Error) => void,
): void {
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MOST_ANSWER_BYTES) return;
    resolve(answer.statusCode!);
    answer.destroy();
  });
  answer.once('end', () => resolve(answer.statusCode!));
  answer.once('error', reject);
}
