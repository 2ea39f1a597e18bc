import { useEffect, useState } from 'preact/hooks';
import { type ResolvedRun, type RunRequest, StylographProblem } from '../../../client/index.ts';
import { count, duration } from '../../../core/presentation/format.ts';
import { client, messageOf } from '../../lib/client.ts';
import { bytes } from '../../lib/format.ts';
import { useLatest } from '../../lib/hooks.ts';
import { byField } from '../../lib/run-form.ts';
import { apiKey } from '../../lib/session.ts';
import { FactList } from '../../ui/parts.tsx';

const TYPING_MS = 250;

export interface Answer {
  resolved?: ResolvedRun;
  errors: Record<string, string>;
  /** An error that belongs to no field. */
  problem?: string;
}

export const failure = (error: unknown): Answer =>
  error instanceof StylographProblem && error.errors !== undefined && error.errors.length > 0
    ? { errors: byField(error.errors) }
    : { errors: {}, problem: messageOf(error) };

/** The server's answer to the form while it is typed: the resolved run with its estimate, or errors. */
export function useDryRun(body: RunRequest): Answer {
  const [answer, setAnswer] = useState<Answer>({ errors: {} });
  const latest = useLatest(TYPING_MS);
  const key = apiKey.value;
  useEffect(() => {
    latest(async (signal) => {
      try {
        setAnswer({ resolved: await client.runs.dryRun(body, { signal }), errors: {} });
      } catch (error) {
        if (!signal.aborted) setAnswer((before) => ({ ...before, ...failure(error) }));
      }
    });
  }, [JSON.stringify(body), key]);
  return answer;
}

/** The estimated time and memory of the run. */
export function Estimate({ resolved }: { resolved: ResolvedRun | undefined }) {
  if (resolved === undefined) return <p class="meta">Estimating…</p>;
  const { estimate, config } = resolved;
  const images = config.iterations * config.batchSize;
  return (
    <>
      <FactList
        rows={[
          ['Time', estimate.seconds === null ? 'unknown' : `about ${duration(estimate.seconds)}`],
          ['Memory', bytes(estimate.memoryBytes)],
          ['Checkpoint size', bytes(estimate.checkpointBytes)],
          ['Training images seen', count(images)],
        ]}
      />
      <p class="meta">
        {estimate.reason ?? 'Time as measured on this machine for a run with the same networks.'}
      </p>
    </>
  );
}
