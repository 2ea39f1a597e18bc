import autocannon from 'autocannon';

/** What every server is asked for again and again. */
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

/** The value below which `share` of the sorted numbers lie. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;

/** Keeps `connections` requests in the air for some seconds; each connection sends its next when it has its answer. */
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
