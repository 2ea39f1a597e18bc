import { EventId, type RunEventBody } from '../../core/contracts/run.ts';
import { invalidField } from '../../core/errors.ts';

/** What holds of events wherever they are kept. */

export const STREAM_START = '0-0';

/** Orders event ids, which are two numbers. */
export function compareIds(a: string, b: string): number {
  const [aTime, aCount] = a.split('-').map(BigInt) as [bigint, bigint];
  const [bTime, bCount] = b.split('-').map(BigInt) as [bigint, bigint];
  const difference = aTime === bTime ? aCount - bCount : aTime - bTime;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** @throws validation_failed for what cannot be an event's id */
export function checkEventId(id: string): void {
  const parsed = EventId.safeParse(id);
  if (parsed.success) return;
  throw invalidField('query.after', parsed.error.issues[0]!.message, `"${id}" is not the id of an event.`);
}

/**
 * Events that are told once for every iteration, or once for all, though a resumed run computes some iterations
 * again: the mark under which the highest iteration told is kept.
 */
export function markOf({ type, data }: RunEventBody): { mark: string; iteration: number | '' } {
  switch (type) {
    case 'sample':
      return { mark: `sample:${data.figure.replace(/-\d+\.\w+$/, '')}`, iteration: data.iteration };
    case 'metrics':
    case 'validation':
    case 'checkpoint':
      return { mark: type, iteration: data.iteration };
    case 'evaluation':
      return { mark: `evaluation:${data.modelDigest}`, iteration: 0 };
    case 'diagnosis':
      return { mark: `diagnosis:${data.code}:${data.severity}`, iteration: 0 };
    case 'log':
      return { mark: `log:${data.message}`, iteration: 0 };
    default:
      return { mark: '', iteration: '' };
  }
}

/** Fields of the record that repeat the newest event of a kind. */
export const RECORD_FIELD: Partial<Record<RunEventBody['type'], 'progress' | 'metrics' | 'evaluation'>> = {
  progress: 'progress',
  metrics: 'metrics',
  evaluation: 'evaluation',
};
