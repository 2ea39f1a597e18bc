import type { WriteStream } from 'node:tty';

type Paint = (text: string) => string;
export interface Colour {
  bold: Paint;
  dim: Paint;
  red: Paint;
  green: Paint;
  yellow: Paint;
  cyan: Paint;
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const satisfies Record<keyof Colour, [number, number]>;

/** Bits of colour of a stream: 1 (none), 4, 8 or 24. Node.js evaluates `NO_COLOR`, `FORCE_COLOR` and `TERM`. */
export const depthOf = (stream: Partial<WriteStream>): number =>
  stream.isTTY ? (stream.getColorDepth?.() ?? 1) : 1;

/** Functions that colour text for a stream; they change nothing if it has no colours. */
export function colours(stream: Partial<WriteStream>): Colour {
  const plain = depthOf(stream) === 1;
  const entries = Object.entries(CODES).map(([name, [on, off]]) => [
    name,
    plain ? (text: string) => text : (text: string) => `\x1b[${on}m${text}\x1b[${off}m`,
  ]);
  return Object.fromEntries(entries) as Colour;
}
