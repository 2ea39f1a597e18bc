import { Readable } from 'node:stream';
import type { InjectOptions } from 'fastify';
import type { App } from '../../../api/context.ts';

/** A `fetch` that asks an application in this process: no port, no socket, the same answers. */
export function injectedFetch(app: App): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(String(input));
    const { signal } = init;
    signal?.throwIfAborted();
    const headers = new Headers(init.headers);
    const payload = await payloadOf(init.body, headers);
    const answer = await app.inject({
      method: (init.method ?? 'GET') as 'GET',
      url: `${url.pathname}${url.search}`,
      headers: Object.fromEntries(headers),
      ...(payload === null ? {} : { payload }),
      payloadAsStream: true,
    });
    const stream = answer.stream();
    const leave = (): void => void stream.destroy();
    // The signal may have fired while the application answered.
    if (signal?.aborted) leave();
    signal?.throwIfAborted();
    signal?.addEventListener('abort', leave, { once: true });
    stream.once('close', () => signal?.removeEventListener('abort', leave));
    // The caller learns of an abort from the signal, not from the stream.
    stream.on('error', () => undefined);
    const answered = Object.entries(answer.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    const isEmpty = answer.statusCode === 204 || answer.statusCode === 304;
    return new Response(isEmpty ? null : webStream(stream), {
      status: answer.statusCode,
      headers: answered,
    });
  };
}

/** A Node stream as a web stream that stops reading when it is cancelled. */
function webStream(stream: Readable): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => void stream.destroy(),
  });
}

/** A body in the form that `inject` accepts. A form is streamed, with the content type of its encoding. */
async function payloadOf(
  body: RequestInit['body'],
  headers: Headers,
): Promise<NonNullable<InjectOptions['payload']> | null> {
  if (body instanceof Blob) return Buffer.from(await body.arrayBuffer());
  if (typeof body === 'string' || body instanceof Uint8Array) return body as string | Buffer;
  if (!(body instanceof FormData)) return null;
  const form = new Response(body);
  headers.set('content-type', form.headers.get('content-type')!);
  return Readable.from(chunksOf(form.body!));
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) yield value!;
}
