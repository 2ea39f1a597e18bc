/** A table in Markdown. */
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Mean over runs, with the standard deviation if there are several; – without a value. */
export function meanAndSpread(values: (number | undefined)[], digits: number): string {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return '–';
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  if (known.length === 1) return mean.toFixed(digits);
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (known.length - 1);
  return `${mean.toFixed(digits)} ± ${Math.sqrt(variance).toFixed(digits)}`;
}

export const first = <T>(values: T[]): T | undefined => values[0];
