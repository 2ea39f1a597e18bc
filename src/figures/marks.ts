/**
 * Ten colours that the colour-blind tell apart too: Paul Tol's "muted" scheme (https://sronpersonalpages.nl/~pault/),
 * nine colours, and black. Shapes tell neighbours apart once more, and in print without colour.
 */
const COLOURS = [
  '#332288',
  '#cc6677',
  '#117733',
  '#88ccee',
  '#882255',
  '#ddaa33',
  '#44aa99',
  '#aa4499',
  '#999933',
  '#222222',
] as const;

/** Outlines around 0, 0 of about the area of a circle of radius 1, as x and y in turns; the first is the circle. */
const SHAPES: readonly (readonly number[])[] = [
  [],
  [0, -1.35, 1.17, 0.68, -1.17, 0.68],
  [-0.88, -0.88, 0.88, -0.88, 0.88, 0.88, -0.88, 0.88],
  [0, -1.25, 1.25, 0, 0, 1.25, -1.25, 0],
  [0, 1.35, -1.17, -0.68, 1.17, -0.68],
];

/** A label's mark as an SVG element. */
export function markPath(label: number, x: number, y: number, radius: number): string {
  const colour = COLOURS[label % COLOURS.length]!;
  const round = (value: number): string => String(Math.round(value * 10) / 10);
  // Every full turn of the colours shifts the shapes, so that colour and shape together are unique fifty times.
  const shape = SHAPES[(label + Math.floor(label / COLOURS.length)) % SHAPES.length]!;
  if (shape.length === 0) {
    return `<circle cx="${round(x)}" cy="${round(y)}" r="${radius}" fill="${colour}"/>`;
  }
  const corners: string[] = [];
  for (let i = 0; i < shape.length; i += 2) {
    corners.push(`${round(x + shape[i]! * radius)} ${round(y + shape[i + 1]! * radius)}`);
  }
  return `<path d="M${corners.join('L')}Z" fill="${colour}"/>`;
}
