/** Ends of a line's styles, and what tells a terminal to show a whole frame at once (ignored where unknown). */
const RESET = '\x1b[0m';
const BEGIN_FRAME = '\x1b[?2026h';
const END_FRAME = '\x1b[?2026l';
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_BELOW = '\x1b[J';
const STYLE = '\\x1b\\[[0-9;]*m';

/** Cuts a line of text and styles to a number of columns; every character is taken for one column wide. */
export function cut(line: string, columns: number): string {
  let shown = 0;
  let out = '';
  for (const part of line.match(new RegExp(`${STYLE}|.`, 'gu')) ?? []) {
    if (part.startsWith('\x1b')) out += part;
    else if (shown++ < columns) out += part;
  }
  return shown > columns ? `${out}${RESET}` : out;
}

/** Lines at the end of the terminal's text that are drawn over again and again. */
export class LiveRegion {
  readonly #stream: NodeJS.WriteStream;
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // However the process ends, the cursor comes back.
    process.once('exit', this.#showCursor);
  }

  readonly #showCursor = (): void => void this.#stream.write(SHOW_CURSOR);

  draw(lines: readonly string[]): void {
    const { columns = 80, rows = 24 } = this.#stream;
    // What has scrolled away cannot be drawn over: the end of a long region is left out.
    const shown = lines.slice(0, rows - 1).map((line) => cut(line, columns - 1));
    this.#stream.write(`${BEGIN_FRAME}${HIDE_CURSOR}${this.#back()}${shown.join('\n')}\n${END_FRAME}`);
    this.#drawn = shown.length;
  }

  /** Takes the lines away. */
  clear(): void {
    this.#stream.write(this.#back());
    this.#drawn = 0;
  }

  /** Leaves what is drawn where it is. */
  done(): void {
    this.#drawn = 0;
    this.#showCursor();
    process.off('exit', this.#showCursor);
  }

  #back(): string {
    return this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A\r${CLEAR_BELOW}`;
  }
}
