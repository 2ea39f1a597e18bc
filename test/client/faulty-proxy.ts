import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** The proxy's own answer to a request; undefined forwards it to the server. */
export type Fault = (
  request: IncomingMessage,
  count: number,
) => { status: number; headers?: Record<string, string>; body?: string } | 'hang up' | undefined;

export interface FaultyProxy {
  url: string;
  /** Received requests as `METHOD path`. */
  requests: string[];
  headers: IncomingMessage['headers'][];
}

/** Starts a proxy in front of a real server that answers some requests itself. */
export async function startFaultyProxy(t: TestContext, target: string, fault: Fault): Promise<FaultyProxy> {
  const proxy: FaultyProxy = { url: '', requests: [], headers: [] };
  const forward = (incoming: IncomingMessage, answer: ServerResponse): void => {
    const { method, headers } = incoming;
    const onward = request(new URL(incoming.url!, target), { method, headers }, (upstream) => {
      answer.writeHead(upstream.statusCode!, upstream.headers);
      upstream.pipe(answer);
    });
    answer.once('close', () => onward.destroy());
    onward.once('error', () => answer.destroy());
    incoming.pipe(onward);
  };
  const server = createServer((incoming, answer) => {
    proxy.requests.push(`${incoming.method} ${incoming.url}`);
    proxy.headers.push(incoming.headers);
    const outcome = fault(incoming, proxy.requests.length);
    if (outcome === undefined) forward(incoming, answer);
    else if (outcome === 'hang up') incoming.socket.destroy();
    else answer.writeHead(outcome.status, outcome.headers).end(outcome.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return proxy;
}

/** An error answer in the server's format. */
export const errorAnswer = (status: number, code: string, retryAfter?: number) => ({
  status,
  headers: {
    'content-type': 'application/problem+json',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  },
  body: JSON.stringify({ type: `urn:${code}`, title: code, status, detail: `It is ${code}.`, code }),
});
