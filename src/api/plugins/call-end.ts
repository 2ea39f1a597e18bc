import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import type { App } from '../context.ts';

/** @param status undefined when the client disconnected before any answer began */
type CallEndListener = (status: number | undefined) => void;

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Calls the listener once, when the answer has been sent or the client has disconnected; immediately if the call
     * has ended. Fastify's `onResponse` covers only sent answers.
     */
    onCallEnd(listener: CallEndListener): void;
  }
}

/**
 * Provides `reply.onCallEnd`. It watches the connection as well as the answer, since Node reports nothing for an answer
 * that waits behind another on the same connection. Register before the plugins that use it.
 */
export function registerCallEnd(app: App): void {
  /** Calls in progress on each connection. */
  const open = new WeakMap<Socket, Set<() => void>>();

  const callsOn = (socket: Socket): Set<() => void> => {
    const known = open.get(socket);
    if (known) return known;
    const calls = new Set<() => void>();
    open.set(socket, calls);
    socket.once('close', () => {
      for (const end of [...calls]) end();
    });
    return calls;
  };

  app.decorateReply('onCallEnd', function (this: FastifyReply, listener: CallEndListener): void {
    const { socket } = this.request.raw;
    const calls = callsOn(socket);
    const end = (): void => {
      if (calls.delete(end)) listener(this.raw.headersSent ? this.statusCode : undefined);
    };
    calls.add(end);
    if (this.raw.destroyed || socket.destroyed) end();
    else this.raw.once('close', end);
  });
}
