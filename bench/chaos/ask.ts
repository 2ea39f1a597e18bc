import { request } from 'node:http';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  ms: number;
}

/** A connection that ended before the response, or a timeout. */
export class Unanswered extends Error {
  override name = 'Unanswered';
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export interface Question {
  method?: string;
  headers?: Record<string, string>;
  json?: unknown;
  timeoutMs?: number;
}

/** One request on a separate connection, without retries. @throws Unanswered */
export function ask(url: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, json, timeoutMs = 30_000 } = question;
  const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const fail = (error: Error & { code?: string }): void =>
      reject(new Unanswered(error.code ?? error.message));
    const call = request(
      url,
      {
        method,
        agent: false,
        headers: {
          ...headers,
          ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', fail);
        response.once('end', () => {
          const { statusCode: status = 0, headers: received } = response;
          const ms = performance.now() - begun;
          resolve({ status, headers: received, body: Buffer.concat(chunks), ms });
        });
      },
    );
    call.setTimeout(timeoutMs, () => call.destroy(new Error('silent')));
    call.once('error', fail);
    call.end(body);
  });
}
