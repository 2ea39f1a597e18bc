import type { Path } from 'opentype.js';

/** An outline as an SVG path. The library's own form of this gives NaN for coordinates that are whole but for a rounding error. */
export function pathData({ commands }: Path): string {
  const pair = (x: number, y: number): string => `${x.toFixed(2)} ${y.toFixed(2)}`;
  return commands
    .map((command) => {
      switch (command.type) {
        case 'C':
          return `C${pair(command.x1, command.y1)} ${pair(command.x2, command.y2)} ${pair(command.x, command.y)}`;
        case 'Q':
          return `Q${pair(command.x1, command.y1)} ${pair(command.x, command.y)}`;
        case 'Z':
          return 'Z';
        default:
          return command.type + pair(command.x, command.y);
      }
    })
    .join('');
}
