import type { ScaleOptions } from '../../../data/images/scale-for-terminal.ts';
import type { Depth } from './blocks.ts';
import { depthOf } from './colour.ts';

export const IMAGE_MODES = ['auto', 'kitty', 'iterm', 'blocks', 'none'] as const;
export type ImageMode = (typeof IMAGE_MODES)[number];

/** Maximum bytes of base64 in an escape sequence of kitty's protocol. */
const KITTY_CHUNK = 4096;
const MOST_COLUMNS = 100;

/** The best way to show pictures in this terminal, by its environment variables. Multiplexers do not pass pictures on. */
export function chooseMode(mode: ImageMode, env = process.env): Exclude<ImageMode, 'auto'> {
  if (mode !== 'auto') return mode;
  if (!process.stdout.isTTY || env.TERM === 'dumb') return 'none';
  if (env.TMUX !== undefined || env.STY !== undefined) return 'blocks';
  const program = env.TERM_PROGRAM ?? '';
  if (env.KITTY_WINDOW_ID !== undefined || env.TERM === 'xterm-kitty' || program === 'ghostty')
    return 'kitty';
  if (['iTerm.app', 'WezTerm', 'mintty'].includes(program) || env.LC_TERMINAL === 'iTerm2') return 'iterm';
  return 'blocks';
}

/** https://sw.kovidgoyal.net/kitty/graphics-protocol/: a PNG, sent and shown at once, in chunks. */
export function kittySequence(png: Uint8Array, columns: number): string {
  const base64 = Buffer.from(png).toString('base64');
  const chunks: string[] = [];
  for (let at = 0; at < base64.length; at += KITTY_CHUNK) {
    const more = at + KITTY_CHUNK < base64.length ? 1 : 0;
    const keys = at === 0 ? `f=100,a=T,q=2,c=${columns},m=${more}` : `m=${more}`;
    chunks.push(`\x1b_G${keys};${base64.slice(at, at + KITTY_CHUNK)}\x1b\\`);
  }
  return `${chunks.join('')}\n`;
}

/** https://iterm2.com/documentation-images.html: a file shown inline. */
export function itermSequence(png: Uint8Array, columns: number): string {
  const base64 = Buffer.from(png).toString('base64');
  return `\x1b]1337;File=inline=1;size=${png.length};width=${columns};preserveAspectRatio=1:${base64}\x07\n`;
}

const terminalColumns = (): number => process.stdout.columns || 80;

const terminalDepth = (): Depth => {
  const depth = depthOf(process.stdout);
  return depth >= 24 ? 24 : depth >= 8 ? 8 : 1;
};

export interface BlockOptions {
  /** Maximum width in columns. */
  columns?: number;
  part?: NonNullable<ScaleOptions['part']>;
}

/** Lines of text that show a picture in any terminal. */
export async function blockLines(png: Uint8Array, options: BlockOptions = {}): Promise<string[]> {
  const [{ scaleForTerminal }, { toBlocks }] = await Promise.all([
    import('../../../data/images/scale-for-terminal.ts'),
    import('./blocks.ts'),
  ]);
  const columns = Math.min(options.columns ?? MOST_COLUMNS, terminalColumns() - 1);
  const raster = await scaleForTerminal(png, {
    width: 2 * columns,
    // A character, and each of its quarters, is about twice as high as wide.
    squeeze: 0.5,
    ...(options.part && { part: options.part }),
  });
  return toBlocks(raster, terminalDepth());
}

/** The text that shows a picture; empty if the terminal cannot show pictures. */
export async function showImage(png: Uint8Array, mode: ImageMode, size: { width: number }): Promise<string> {
  // Small pictures are not enlarged to the full width.
  const columns = Math.min(MOST_COLUMNS, terminalColumns() - 1, Math.max(16, Math.ceil(size.width / 2)));
  switch (chooseMode(mode)) {
    case 'kitty':
      return kittySequence(png, columns);
    case 'iterm':
      return itermSequence(png, columns);
    case 'blocks':
      return `${(await blockLines(png, { columns })).join('\n')}\n`;
    case 'none':
      return '';
  }
}
