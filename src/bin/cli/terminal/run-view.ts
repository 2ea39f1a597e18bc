import type { RunEvent, RunProgress } from '../../../client/index.ts';
import type { Output } from '../output.ts';
import { duration, lossName, percent, short, whole } from './format.ts';
import { LiveRegion } from './live.ts';

const BAR_CELLS = 28;
/** Eighths of a cell. */
const PARTS = [...' ▏▎▍▌▋▊▉'];
/** How often progress is printed without a live terminal. */
const LINE_INTERVAL_MS = 10_000;
/** Losses that are shown, in this order. */
const LOSSES = ['likelihoodLoss', 'priorLoss', 'ganLoss', 'discriminatorLoss', 'encoderLoss', 'decoderLoss'];

export function bar(share: number, cells = BAR_CELLS): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * cells * 8);
  const full = Math.floor(eighths / 8);
  const part = full < cells ? PARTS[eighths % 8]! : '';
  return `${'█'.repeat(full)}${part}`.padEnd(cells, ' ');
}

function speed({ iteration, secondsElapsed }: RunProgress): string {
  if (iteration === 0 || secondsElapsed === 0) return '';
  const rate = iteration / secondsElapsed;
  return rate >= 1 ? `${rate.toFixed(1)} it/s` : `${(1 / rate).toFixed(1)} s/it`;
}

export interface RunView {
  progress(progress: RunProgress): void;
  metrics(values: Record<string, number | null>): void;
  /** The newest picture, as lines of text. */
  picture(lines: string[]): void;
  /** Prints a line that stays. */
  say(text: string): void;
  /** Shows a remark under the bar. */
  hint(text: string): void;
  close(): void;
}

/** A bar, losses and a picture that are redrawn in place, or occasional lines without a live terminal. */
export function openRunView(output: Output): RunView {
  return output.isLive ? new LiveView(output, new LiveRegion(process.stdout)) : new LineView(output);
}

const lossesOf = (values: Record<string, number | null>): [string, string][] =>
  LOSSES.filter((name) => values[name] !== undefined).map((name) => [lossName(name), short(values[name])]);

class LineView implements RunView {
  readonly #output: Output;
  #metrics: Record<string, number | null> = {};
  #printedAt = Number.NEGATIVE_INFINITY;
  #phase = '';

  constructor(output: Output) {
    this.#output = output;
  }

  progress(progress: RunProgress): void {
    const { phase, iteration, iterations, secondsRemaining } = progress;
    const isDue = performance.now() - this.#printedAt >= LINE_INTERVAL_MS;
    if (!isDue && phase === this.#phase) return;
    this.#printedAt = performance.now();
    this.#phase = phase;
    if (phase !== 'training') {
      this.say(`${phase} ...`);
      return;
    }
    const losses = lossesOf(this.#metrics).map(([name, value]) => `${name} ${value}`);
    const left = secondsRemaining === null ? [] : [`${duration(secondsRemaining)} left`];
    const parts = [`${whole(iteration)}/${whole(iterations)}`, speed(progress), ...left, ...losses];
    this.say(parts.filter(Boolean).join('  '));
  }

  metrics(values: Record<string, number | null>): void {
    this.#metrics = values;
  }

  picture(): void {}

  say(text: string): void {
    if (!this.#output.quiet) this.#output.line(text);
  }

  hint(): void {}

  close(): void {}
}

class LiveView implements RunView {
  readonly #output: Output;
  readonly #region: LiveRegion;
  #progress: RunProgress | undefined;
  #metrics: Record<string, number | null> = {};
  #picture: string[] = [];
  #hint = '';

  constructor(output: Output, region: LiveRegion) {
    this.#output = output;
    this.#region = region;
  }

  #draw(): void {
    const { bold, cyan, dim } = this.#output.paint;
    const lines: string[] = [''];
    if (this.#progress) {
      const { iteration, iterations, phase, secondsRemaining } = this.#progress;
      const share = iterations === 0 ? 0 : iteration / iterations;
      const what =
        phase === 'training'
          ? [
              `${whole(iteration)}/${whole(iterations)}`,
              speed(this.#progress),
              secondsRemaining === null ? '' : `${duration(secondsRemaining)} left`,
            ]
          : [`${phase} ...`];
      const track = dim('▕') + cyan(bar(share)) + dim('▏');
      lines.push(`${track} ${bold(percent(share, 0).padStart(5))}  ${what.filter(Boolean).join(dim(' · '))}`);
    }
    const losses = lossesOf(this.#metrics).map(([name, value]) => `${dim(name)} ${value}`);
    if (losses.length > 0) lines.push(` ${losses.join('  ')}`);
    if (this.#picture.length > 0) lines.push('', ...this.#picture);
    if (this.#hint !== '') lines.push('', dim(this.#hint));
    this.#region.draw(lines);
  }

  progress(progress: RunProgress): void {
    this.#progress = progress;
    this.#draw();
  }

  metrics(values: Record<string, number | null>): void {
    this.#metrics = values;
    this.#draw();
  }

  picture(lines: string[]): void {
    this.#picture = lines;
    this.#draw();
  }

  hint(text: string): void {
    this.#hint = text;
    this.#draw();
  }

  say(text: string): void {
    this.#region.clear();
    this.#output.line(text);
    if (this.#progress) this.#draw();
  }

  close(): void {
    this.#hint = '';
    if (this.#progress) this.#draw();
    this.#region.done();
  }
}

/** The line that reports an event, for logs and diagnoses. */
export function remarkOf(event: RunEvent, { paint }: Output): string | undefined {
  switch (event.type) {
    case 'log':
      return event.data.level === 'info' ? event.data.message : paint.yellow(event.data.message);
    case 'diagnosis':
      return `${paint.yellow(event.data.code.replaceAll('_', ' '))}: ${event.data.detail} ${event.data.advice}`;
    default:
      return undefined;
  }
}
