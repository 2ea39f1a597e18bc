import { useEffect, useRef, useState } from 'preact/hooks';
import { drawStrokes, type Ink, isEmpty, NO_INK, SIDE, type Stroke } from '../../lib/ink.ts';
import { theme } from '../../lib/theme.ts';
import { Picture, pngUrl } from '../../ui/picture.tsx';

const PEN = { min: 10, max: 44, standard: 24 };

interface PadProps {
  ink: Ink;
  /** Called after every stroke, undo and clear. */
  onChange(ink: Ink): void;
  /** Called while a stroke is drawn. */
  onDraw?(ink: Ink): void;
  /** Label for screen readers. */
  label: string;
  /** Noun for what to draw. */
  noun?: string;
  /** A faint picture to draw over, as base64 PNG. */
  guide?: string | undefined;
}

/** The position of an event on the pad, in units of SIDE. */
function pointOf(event: PointerEvent, box: DOMRect): Stroke['points'][number] {
  const at = (value: number): number => Math.round(((value * SIDE) / box.width) * 10) / 10;
  return [at(event.clientX - box.left), at(event.clientY - box.top), event.pressure || 0.5];
}

/** Draws the strokes at the canvas's resolution, in its text colour. */
function paint(canvas: HTMLCanvasElement, strokes: readonly Stroke[]): void {
  const side = Math.round(canvas.clientWidth * devicePixelRatio);
  if (canvas.width !== side) {
    canvas.width = side;
    canvas.height = side;
  }
  const context = canvas.getContext('2d')!;
  context.clearRect(0, 0, side, side);
  context.fillStyle = getComputedStyle(canvas).color;
  drawStrokes(context, strokes, side / SIDE);
}

/** Pointer handlers that record strokes on the canvas. */
function usePen({ ink, onChange, onDraw }: PadProps, size: number) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const stroke = useRef<Stroke | null>(null);
  const colours = theme.value;
  const strokes = (): Stroke[] => [...ink.strokes, ...(stroke.current ? [stroke.current] : [])];
  useEffect(() => paint(canvas.current!, strokes()), [ink, colours]);
  useEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => paint(element, strokes()));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ink]);
  const onPointerDown = (event: PointerEvent): void => {
    if (!event.isPrimary || event.button !== 0) return;
    event.preventDefault();
    canvas.current!.setPointerCapture(event.pointerId);
    const point = pointOf(event, canvas.current!.getBoundingClientRect());
    stroke.current = { points: [point], size, pen: event.pointerType === 'pen' };
    paint(canvas.current!, strokes());
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (!stroke.current || !event.isPrimary) return;
    const box = canvas.current!.getBoundingClientRect();
    const coalesced = event.getCoalescedEvents?.() ?? [];
    const moves = coalesced.length > 0 ? coalesced : [event];
    for (const move of moves) stroke.current.points.push(pointOf(move, box));
    paint(canvas.current!, strokes());
    const { points } = stroke.current;
    onDraw?.({ strokes: [...ink.strokes, { ...stroke.current, points: [...points] }], example: null });
  };
  const onPointerUp = (event: PointerEvent): void => {
    if (!stroke.current || !event.isPrimary) return;
    const all = strokes();
    stroke.current = null;
    onChange({ strokes: all, example: null });
  };
  return { canvas, handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: onPointerUp } };
}

/** A square to draw on with mouse, pen or finger. */
export function Pad(props: PadProps) {
  const { ink, onChange, label, noun = 'digit', guide } = props;
  const [size, setSize] = useState(PEN.standard);
  const { canvas, handlers } = usePen(props, size);
  const undo = (): void =>
    onChange(ink.example === null ? { ...ink, strokes: ink.strokes.slice(0, -1) } : NO_INK);
  return (
    <div class="pad">
      <div class="pad-paper">
        {ink.example !== null && (
          <Picture kind="ink" class="pad-example" path={pngUrl(ink.example)} alt={`Example ${noun}`} />
        )}
        {guide !== undefined && ink.example === null && (
          <Picture kind="ink" class="pad-example pad-guide" path={pngUrl(guide)} alt="" />
        )}
        {isEmpty(ink) && (
          <p class="pad-hint" aria-hidden="true">
            Draw a {noun} here
          </p>
        )}
        <canvas ref={canvas} role="img" aria-label={label} {...handlers} />
      </div>
      <div class="pad-tools">
        <button type="button" class="button small" disabled={isEmpty(ink)} onClick={undo}>
          Undo
        </button>
        <button type="button" class="button small" disabled={isEmpty(ink)} onClick={() => onChange(NO_INK)}>
          Clear
        </button>
        <label class="inline-range">
          Pen
          <input
            type="range"
            min={PEN.min}
            max={PEN.max}
            value={size}
            onInput={(event) => setSize(Number(event.currentTarget.value))}
          />
        </label>
      </div>
    </div>
  );
}
