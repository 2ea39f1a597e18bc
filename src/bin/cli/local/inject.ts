import { Readable } from 'node:stream';
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
      ...(payload == null ? {} : { payload: payload as string | Buffer }),
      payloadAsStream: true,
    });
    const stream = answer.stream();
    const leave = (): void => void stream.destroy();
    // It may have come while the answer was made.
    if (signal?.aborted) leave();
    signal?.throwIfAborted();
    signal?.addEventListener('abort', leave, { once: true });
    stream.once('close', () => signal?.removeEventListener('abort', leave));
    // An abort is told by the signal; the stream's own error would reach nobody.
    stream.on('error', () => undefined);
    const told = Object.entries(answer.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    const isEmpty = answer.statusCode === 204 || answer.statusCode === 304;
    const body = isEmpty ? null : (Readable.toWeb(stream) as unknown as ReadableStream<Uint8Array>);
    return new Response(body, { status: answer.statusCode, headers: told });
  };
}

/** A body as an application takes it; a form is streamed, under the type that it then has. */
async function payloadOf(body: RequestInit['body'], headers: Headers): Promise<unknown> {
  if (body instanceof Blob) return Buffer.from(await body.arrayBuffer());
  if (!(body instanceof FormData)) return body;
  const form = new Response(body);
  headers.set('content-type', form.headers.get('content-type')!);
  return Readable.fromWeb(form.body as never);
}
