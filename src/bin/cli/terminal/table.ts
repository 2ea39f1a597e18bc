import { stripVTControlCharacters } from 'node:util';

export interface Column<T> {
  title: string;
  value(item: T): string;
  align?: 'right';
}

const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length;

function pad(text: string, width: number, align?: 'right'): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'right' ? space + text : text + space;
}

/** Lines of a table: the titles, then one line per item. */
export function table<T>(
  items: readonly T[],
  columns: readonly Column<T>[],
  title: (text: string) => string,
): string[] {
  const cells = items.map((item) => columns.map(({ value }) => value(item)));
  const widths = columns.map((column, i) =>
    Math.max(widthOf(column.title), ...cells.map((row) => widthOf(row[i]!))),
  );
  const line = (row: string[]): string =>
    row
      .map((text, i) => pad(text, widths[i]!, columns[i]!.align))
      .join('  ')
      .trimEnd();
  return [title(line(columns.map((column) => column.title))), ...cells.map(line)];
}

/** Lines of names and aligned values, without undefined and empty values. */
export function facts(entries: Record<string, string | undefined>, name: (text: string) => string): string[] {
  const given = Object.entries(entries).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
  const width = Math.max(0, ...given.map(([key]) => widthOf(key)));
  return given.map(([key, value]) => `${name(pad(key, width))}  ${value}`);
}
