import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** What stands between client and server answers in place of it; undefined lets the request through. */
export type Fault = (
  request: IncomingMessage,
  count: number,
) => { status: number; headers?: Record<string, string>; body?: string } | 'hang up' | undefined;

export interface FaultyRoad {
  url: string;
  /** Requests that came, as `METHOD path`. */
  seen: string[];
  headers: IncomingMessage['headers'][];
}

/** A proxy before a real server that answers some requests itself. */
export async function faultyRoad(t: TestContext, target: string, fault: Fault): Promise<FaultyRoad> {
  const road: FaultyRoad = { url: '', seen: [], headers: [] };
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
    road.seen.push(`${incoming.method} ${incoming.url}`);
    road.headers.push(incoming.headers);
    const outcome = fault(incoming, road.seen.length);
    if (outcome === undefined) forward(incoming, answer);
    else if (outcome === 'hang up') incoming.socket.destroy();
    else answer.writeHead(outcome.status, outcome.headers).end(outcome.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  road.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return road;
}

/** An answer as the server refuses with. */
export const refusal = (status: number, code: string, retryAfter?: number) => ({
  status,
  headers: {
    'content-type': 'application/problem+json',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  },
  body: JSON.stringify({ type: `urn:${code}`, title: code, status, detail: `It is ${code}.`, code }),
});
