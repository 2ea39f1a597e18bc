import { availableParallelism, cpus } from 'node:os';
import { median } from '../lib/statistics.ts';
import type { Background } from './background.ts';
import type { Load } from './load.ts';
import type { Start } from './start.ts';

/** Measurements of one server in one round. */
export interface Sample {
  busy: Load;
  single: Load;
  /** CPU time per request under load, all its processes. */
  cpuMs: number;
  /** Of all its processes, under load. */
  residentMb: number;
  /** Of Stylograph's HTTP and inference processes. */
  parts?: { apiMb: number; inferenceMb: number };
  delay?: { p50: number; p99: number };
}

export interface Outcome {
  machine: string;
  date: string;
  samples: Record<string, Sample[]>;
  background: Background | null;
  start: Start | null;
}

/** The median, and the range over the rounds. */
function spread(values: number[], digits = 0): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

export const machine = (): string => `${cpus()[0]!.model.trim()}, ${availableParallelism()} cores`;

/** Medians of a server. */
function summary(samples: Sample[]) {
  const of = (pick: (sample: Sample) => number): number => median(samples.map(pick));
  return {
    perSecond: of(({ busy }) => busy.perSecond),
    p50: of(({ busy }) => busy.p50),
    p99: of(({ busy }) => busy.p99),
    singleP50: of(({ single }) => single.p50),
    singleP99: of(({ single }) => single.p99),
    cpuMs: of(({ cpuMs }) => cpuMs),
    residentMb: of(({ residentMb }) => residentMb),
    failures: samples.reduce((sum, { busy, single }) => sum + busy.failures + single.failures, 0),
  };
}

/** Medians per server, with ratios to the first one. */
export function figures({ samples }: Outcome) {
  const all = Object.entries(samples).map(([name, rounds]) => ({ name, ...summary(rounds) }));
  const own = all[0]!;
  return all.map((server) => ({
    ...server,
    timesAsMany: own.perSecond / server.perSecond,
    p99Ratio: own.p99 / server.p99,
  }));
}

export function table(outcome: Outcome): string {
  const rows = [
    [
      'server',
      'requests/s at 32',
      'p50 ms',
      'p99 ms',
      'one at a time: p50 ms',
      'p99 ms',
      'CPU ms per request',
      'RSS MB',
      'failed',
      'ours ÷ it',
    ],
    ...Object.entries(outcome.samples).map(([name, rounds]) => {
      const { timesAsMany } = figures(outcome).find((server) => server.name === name)!;
      return [
        name,
        spread(rounds.map(({ busy }) => busy.perSecond)),
        spread(
          rounds.map(({ busy }) => busy.p50),
          1,
        ),
        spread(
          rounds.map(({ busy }) => busy.p99),
          1,
        ),
        spread(
          rounds.map(({ single }) => single.p50),
          2,
        ),
        spread(
          rounds.map(({ single }) => single.p99),
          2,
        ),
        spread(
          rounds.map(({ cpuMs }) => cpuMs),
          2,
        ),
        spread(rounds.map(({ residentMb }) => residentMb)),
        String(rounds.reduce((sum, { busy, single }) => sum + busy.failures + single.failures, 0)),
        timesAsMany.toFixed(2),
      ];
    }),
  ];
  const [head, ...body] = rows.map((row) => `| ${row.join(' | ')} |`);
  return [head, `|${rows[0]!.map(() => '---').join('|')}|`, ...body].join('\n');
}

/** Measurements of Stylograph only. */
export function ownLines({ samples, background, start }: Outcome): string[] {
  const rounds = Object.values(samples)[0]!;
  const parts = rounds.map(({ parts }) => parts!);
  const lines = [
    `API process ${spread(parts.map(({ apiMb }) => apiMb))} MB, inference child ${spread(parts.map(({ inferenceMb }) => inferenceMb))} MB under load; ` +
      `event-loop delay at 32: p50 ${spread(
        rounds.map(({ delay }) => delay!.p50),
        1,
      )}, p99 ${spread(
        rounds.map(({ delay }) => delay!.p99),
        1,
      )} ms`,
  ];
  if (start) {
    lines.push(
      `start: listening after ${start.listening.toFixed(0)} ms, /health/ready after ${start.ready.toFixed(0)} ms, first image after ${start.image.toFixed(0)} ms`,
    );
  }
  if (background) {
    const { idle, training, alone, besideOne, besideMany } = background;
    const slower = (rate: number): string => `${((1 - rate / alone) * 100).toFixed(0)} %`;
    lines.push(
      `while a run trains, one request at a time: p50 ${training.p50.toFixed(2)}, p99 ${training.p99.toFixed(2)} ms ` +
        `(idle ${idle.p50.toFixed(2)} and ${idle.p99.toFixed(2)}): p99 ${(training.p99 / idle.p99).toFixed(1)} times its idle value`,
      `the run makes ${alone.toFixed(2)} iterations per second alone; one request at a time slows it by ${slower(besideOne)}, 32 by ${slower(besideMany)}`,
    );
  }
  return lines;
}
