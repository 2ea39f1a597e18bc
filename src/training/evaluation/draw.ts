import { EVALUATION_SAMPLES } from '../../core/contracts/evaluation.ts';
import type { Judge } from './judge.ts';
import type { ModelImages } from './model-images.ts';
import type { ScoredSet } from './scores.ts';
import type { Work } from './work.ts';

interface DrawOptions {
  samples: number;
  secondsAllowed?: number | undefined;
  /** Spent so far. */
  seconds(): number;
}

/** Prior samples and what the judge sees in them: first the short set, then the rest if there is time for it. */
export async function drawSamples(
  judge: Judge,
  source: ModelImages,
  work: Work,
  { samples, secondsAllowed = Number.POSITIVE_INFINITY, seconds }: DrawOptions,
): Promise<ScoredSet> {
  const see = async (from: number, to: number): Promise<ScoredSet> => {
    const middle = (from + to) / 2;
    const asked = await source.priorSamples(
      from,
      to,
      work.during('samples', from / samples, middle / samples),
    );
    return await judge.see(
      asked.images,
      asked.labels,
      work.during('samples', middle / samples, to / samples),
    );
  };
  const short = Math.min(samples, EVALUATION_SAMPLES.short);
  const before = seconds();
  const first = await see(0, short);
  const took = seconds() - before;
  // Besides samples, transfers and reconstructions wait: six times as many images as the short set.
  const left = took * ((samples - short) / short + 6);
  if (samples === short || seconds() + left > secondsAllowed) return first;
  const rest = await see(short, samples);
  return joinSets(first, rest);
}

function joinSets(a: ScoredSet, b: ScoredSet): ScoredSet {
  const bytes = (x: Uint8Array, y: Uint8Array): Uint8Array => Uint8Array.from(Buffer.concat([x, y]));
  const values = new Float32Array(a.seen.values.length + b.seen.values.length);
  values.set(a.seen.values);
  values.set(b.seen.values, a.seen.values.length);
  return {
    images: bytes(a.images, b.images),
    labels: bytes(a.labels, b.labels),
    seen: {
      count: a.seen.count + b.seen.count,
      values,
      predictions: bytes(a.seen.predictions, b.seen.predictions),
    },
  };
}
