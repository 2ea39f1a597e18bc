import type { Colour } from './terminal/colour.ts';
import { colours } from './terminal/colour.ts';

export interface OutputOptions {
  json?: boolean | undefined;
  quiet?: boolean | undefined;
}

/** Writes results to standard output and everything else to standard error. */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Standard output is a terminal: progress bars and pictures are useful. */
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

  /** A line for people; omitted with `--json`. */
  line(text = ''): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** With `--json`, the JSON document of a command, or one line of a stream. */
  document(value: unknown, { compact = false } = {}): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value, null, compact ? undefined : 2)}\n`);
  }

  bytes(bytes: Uint8Array): void {
    process.stdout.write(bytes);
  }

  /** Helpful text that is not a result; omitted with `--quiet`. */
  notice(text: string): void {
    if (!this.quiet) process.stderr.write(`${this.paintError.dim(text)}\n`);
  }

  /** Text that is important even with `--quiet`. */
  warn(text: string): void {
    process.stderr.write(`${text}\n`);
  }
}
