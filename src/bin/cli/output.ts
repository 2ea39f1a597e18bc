import type { Colour } from './terminal/colour.ts';
import { colours } from './terminal/colour.ts';

export interface OutputOptions {
  json?: boolean | undefined;
  quiet?: boolean | undefined;
}

/** Where a command writes: results to standard output, all else to standard error. */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Somebody looks at standard output: bars and pictures make sense. */
  readonly isLive: boolean;
  readonly paint: Colour;
  readonly paintError: Colour;

  constructor({ json = false, quiet = false }: OutputOptions = {}) {
    this.json = json;
    this.quiet = quiet;
    this.isLive = process.stdout.isTTY === true && !json && !quiet;
    this.paint = colours(process.stdout);
    this.paintError = colours(process.stderr);
  }

  /** A line for people; with `--json` there is none. */
  line(text = ''): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** The one JSON document of a command, or one line of a stream. */
  document(value: unknown, { compact = false } = {}): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value, null, compact ? undefined : 2)}\n`);
  }

  bytes(bytes: Uint8Array): void {
    process.stdout.write(bytes);
  }

  /** What helps but is no result. */
  notice(text: string): void {
    if (!this.quiet) process.stderr.write(`${this.paintError.dim(text)}\n`);
  }

  /** What should be noticed even when quiet. */
  warn(text: string): void {
    process.stderr.write(`${text}\n`);
  }
}
