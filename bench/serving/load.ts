import autocannon from 'autocannon';
import { quantile } from '../lib/statistics.ts';

/** The request that a load repeats. */
export interface Target {
  url: string;
  method: 'GET' | 'POST';
  body?: string;
}

export interface Load {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** Answers other than 2xx, errors and time-outs. */
  failures: number;
  answers: number;
}

/** Keeps `connections` requests in flight for some seconds; each connection sends its next request after each response. */
export async function applyLoad(
  { url, method, body }: Target,
  connections: number,
  seconds: number,
): Promise<Load> {
  const times: number[] = [];
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(
      {
        url,
        method,
        connections,
        duration: seconds,
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      },
      (error, done) => (error ? reject(error) : resolve(done)),
    );
    // Its own histogram counts whole milliseconds.
    run.on('response', (_client, _status, _bytes, ms) => times.push(ms));
  });
  times.sort((a, b) => a - b);
  return {
    perSecond: result['2xx'] / result.duration,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    failures: result.non2xx + result.errors + result.timeouts,
    answers: result['2xx'],
  };
}
