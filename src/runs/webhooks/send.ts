import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressPolicy } from './address.ts';
import { signedHeaders } from './sign.ts';

export interface Message {
  /** The same for every attempt, so that the receiver can recognise duplicates. */
  id: string;
  url: string;
  secret: string;
  /** JSON. */
  body: string;
}

export interface SendOptions {
  policy: AddressPolicy;
  /** Milliseconds from the DNS look-up to the last byte of the response. */
  timeoutMs: number;
}

/** The rest of a longer response is not read. */
const MAX_RESPONSE_BYTES = 64 * 1024;

/**
 * Sends a signed message. It does not follow redirects, opens a new connection per message, and connects only to
 * addresses that the policy allows.
 * @returns the status of the response
 * @throws webhook_refused, or the error that prevented a response
 */
export async function sendMessage(message: Message, { policy, timeoutMs }: SendOptions): Promise<number> {
  const { url, body } = message;
  policy.check(url);
  const request = new URL(url).protocol === 'https:' ? httpsRequest : httpRequest;
  const signal = AbortSignal.timeout(timeoutMs);
  return await new Promise((resolve, reject) => {
    const sent: ClientRequest = request(
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
      (response) => drain(response, resolve, reject),
    );
    sent.once('error', (error) =>
      reject(signal.aborted ? new Error(`no response within ${timeoutMs} ms`, { cause: error }) : error),
    );
    sent.end(body);
  });
}

/** Resolves to the status. The body is read only so that the receiver can finish, up to the limit. */
function drain(
  response: IncomingMessage,
  resolve: (status: number) => void,
  reject: (error: Error) => void,
): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_RESPONSE_BYTES) return;
    resolve(response.statusCode!);
    response.destroy();
  });
  response.once('end', () => resolve(response.statusCode!));
  response.once('error', reject);
}
