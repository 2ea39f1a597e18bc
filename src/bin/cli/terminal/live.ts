/* Control sequences. A terminal that does not know the frame sequences (synchronised output) ignores them. */
const RESET = '\x1b[0m';
const BEGIN_FRAME = '\x1b[?2026h';
const END_FRAME = '\x1b[?2026l';
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_BELOW = '\x1b[J';
const STYLE = '\\x1b\\[[0-9;]*m';

/** Cuts styled text to a number of columns, assuming that every character is one column wide. */
export function cut(line: string, columns: number): string {
  let shown = 0;
  let out = '';
  for (const part of line.match(new RegExp(`${STYLE}|.`, 'gu')) ?? []) {
    if (part.startsWith('\x1b')) out += part;
    else if (shown++ < columns) out += part;
  }
  return shown > columns ? `${out}${RESET}` : out;
}

/** Lines at the end of the terminal's text that are redrawn in place. */
export class LiveRegion {
  readonly #stream: NodeJS.WriteStream;
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // Restores the cursor however the process ends.
    process.once('exit', this.#showCursor);
  }

  readonly #showCursor = (): void => void this.#stream.write(SHOW_CURSOR);

  draw(lines: readonly string[]): void {
    const { columns = 80, rows = 24 } = this.#stream;
    // Lines that scrolled away cannot be redrawn, so the end of a long region is left out.
    const shown = lines.slice(0, rows - 1).map((line) => cut(line, columns - 1));
    this.#stream.write(`${BEGIN_FRAME}${HIDE_CURSOR}${this.#back()}${shown.join('\n')}\n${END_FRAME}`);
    this.#drawn = shown.length;
  }

  /** Removes the lines. */
  clear(): void {
    this.#stream.write(this.#back());
    this.#drawn = 0;
  }

  /** Keeps the lines and ends redrawing. */
  done(): void {
    this.#drawn = 0;
    this.#showCursor();
    process.off('exit', this.#showCursor);
  }

  #back(): string {
    return this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A\r${CLEAR_BELOW}`;
  }
}
