import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** Calls on each connection that are not over. */
const open = new WeakMap<Socket, Set<() => void>>();

function callsOn(socket: Socket): Set<() => void> {
  const known = open.get(socket);
  if (known) return known;
  const calls = new Set<() => void>();
  open.set(socket, calls);
  socket.once('close', () => {
    for (const end of [...calls]) end();
  });
  return calls;
}

/**
 * Tells once that a call is over: its answer has been sent, or its client has left. Fastify's `onResponse` knows the
 * first alone. The connection is watched too, since Node tells an answer that waits behind another one nothing. A call
 * that is over already is told at once.
 * @param tell given the status, or undefined when the client left before any answer began
 */
export function onceOver(reply: FastifyReply, tell: (status: number | undefined) => void): void {
  const { socket } = reply.request.raw;
  const calls = callsOn(socket);
  const end = (): void => {
    if (calls.delete(end)) tell(reply.raw.headersSent ? reply.statusCode : undefined);
  };
  calls.add(end);
  if (reply.raw.destroyed || socket.destroyed) end();
  else reply.raw.once('close', end);
}
