import { useEffect, useState } from 'preact/hooks';
import { ApiError, messageOf, sendJson } from '../../lib/api.ts';
import type { ResolvedRun } from '../../lib/contract.ts';
import { bytes, count, duration } from '../../lib/format.ts';
import { useLatest } from '../../lib/hooks.ts';
import { byField } from '../../lib/run-form.ts';
import { apiKey } from '../../lib/session.ts';

const TYPING_MS = 250;

export interface Answer {
  resolved?: ResolvedRun;
  errors: Record<string, string>;
  /** What belongs to no field. */
  problem?: string;
}

export const failure = (error: unknown): Answer =>
  error instanceof ApiError && error.fields.length > 0
    ? { errors: byField(error.fields) }
    : { errors: {}, problem: messageOf(error) };

/** What the server says of the form as it is typed: the resolved run with its estimate, or what is wrong. */
export function useDryRun(body: object): Answer {
  const [answer, setAnswer] = useState<Answer>({ errors: {} });
  const latest = useLatest(TYPING_MS);
  const key = apiKey.value;
  useEffect(() => {
    latest(async (signal) => {
      try {
        setAnswer({ resolved: await sendJson('/runs?dryRun=true', body, { signal }), errors: {} });
      } catch (error) {
        if (!signal.aborted) setAnswer((before) => ({ ...before, ...failure(error) }));
      }
    });
  }, [JSON.stringify(body), key]);
  return answer;
}

/** What the run will cost, before it is started. */
export function Estimate({ resolved }: { resolved: ResolvedRun | undefined }) {
  if (resolved === undefined) return <p class="meta">Asking what this run will take…</p>;
  const { estimate, config } = resolved;
  const images = config.iterations * config.batchSize;
  return (
    <>
      <dl class="facts">
        <div>
          <dt>Time</dt>
          <dd>{estimate.seconds === null ? 'not known yet' : `about ${duration(estimate.seconds)}`}</dd>
        </div>
        <div>
          <dt>Memory</dt>
          <dd>{bytes(estimate.memoryBytes)}</dd>
        </div>
        <div>
          <dt>A checkpoint</dt>
          <dd>{bytes(estimate.checkpointBytes)}</dd>
        </div>
        <div>
          <dt>Images seen</dt>
          <dd>{count(images)}</dd>
        </div>
      </dl>
      <p class="meta">{estimate.reason ?? 'Time as measured on a run of the same shape here.'}</p>
    </>
  );
}
