import { getStroke } from 'perfect-freehand';
import { fromBase64 } from '../../client/index.ts';

/** Side of the square of stroke coordinates, independent of the screen's size. */
export const SIDE = 280;
/** Side of the picture that is sent; the server resizes it for the model. */
const SENT_SIDE = 112;

export interface Stroke {
  /** x, y in [0, SIDE] and pressure in [0, 1]. */
  points: [x: number, y: number, pressure: number][];
  /** Width in units of SIDE. */
  size: number;
  /** Whether a pen measured the pressure; otherwise it follows from the speed. */
  pen: boolean;
}

/** The drawing on a pad: strokes, or an example from a model (white ink on black, base64 PNG). */
export interface Ink {
  strokes: Stroke[];
  example: string | null;
}

export const NO_INK: Ink = { strokes: [], example: null };
export const isEmpty = ({ strokes, example }: Ink): boolean => strokes.length === 0 && example === null;

/** The outline of a stroke, thicker where the hand is slow or presses. */
export function outline({ points, size, pen }: Stroke): Path2D {
  const edge = getStroke(points, {
    size,
    thinning: 0.45,
    smoothing: 0.6,
    streamline: 0.35,
    simulatePressure: !pen,
  });
  const path = new Path2D();
  const [first] = edge;
  if (first === undefined) return path;
  path.moveTo(first[0]!, first[1]!);
  // Curves through the midpoints of the edges round off the corners.
  for (const [i, [x, y]] of edge.entries()) {
    const [nextX, nextY] = edge[(i + 1) % edge.length]!;
    path.quadraticCurveTo(x!, y!, (x! + nextX!) / 2, (y! + nextY!) / 2);
  }
  path.closePath();
  return path;
}

/** What drawing needs of a context, on screen or off. */
type StrokeContext = CanvasState & CanvasTransform & CanvasDrawPath;

export function drawStrokes(context: StrokeContext, strokes: readonly Stroke[], scale: number): void {
  context.save();
  context.scale(scale, scale);
  for (const stroke of strokes) context.fill(outline(stroke));
  context.restore();
}

/** Dark ink on white as a PNG file. */
async function strokesPng(strokes: readonly Stroke[]): Promise<Blob> {
  const canvas = new OffscreenCanvas(SENT_SIDE, SENT_SIDE);
  const context = canvas.getContext('2d')!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, SENT_SIDE, SENT_SIDE);
  context.fillStyle = '#000';
  drawStrokes(context, strokes, SENT_SIDE / SIDE);
  return await canvas.convertToBlob({ type: 'image/png' });
}

/** The drawing as the picture that is sent. */
export async function toPng({ strokes, example }: Ink): Promise<Blob> {
  if (example === null) return await strokesPng(strokes);
  return new Blob([fromBase64(example)], { type: 'image/png' });
}
