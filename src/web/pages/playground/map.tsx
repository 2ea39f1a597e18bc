import { useRef } from 'preact/hooks';
import type { Digit } from '../../lib/style.ts';
import { Picture, pngUrl } from '../../ui/picture.tsx';

/** A point of the map from its upper left corner; both coordinates are in [0, 1]. */
export interface Point {
  x: number;
  y: number;
}

interface MapProps {
  images: readonly Digit[];
  point: Point;
  onMove(point: Point): void;
}

/** The manifold as a map to drag over. The sliders below do the same by keyboard. */
export function Manifold({ images, point, onMove }: MapProps) {
  const box = useRef<HTMLDivElement>(null);
  const move = (event: PointerEvent): void => {
    if (event.type === 'pointermove' && event.buttons === 0) return;
    const { left, top, width, height } = box.current!.getBoundingClientRect();
    const share = (value: number): number => Math.min(1, Math.max(0, value));
    onMove({ x: share((event.clientX - left) / width), y: share((event.clientY - top) / height) });
  };
  const start = (event: PointerEvent): void => {
    event.preventDefault();
    box.current!.setPointerCapture(event.pointerId);
    move(event);
  };
  return (
    <div
      class="map"
      ref={box}
      onPointerDown={start}
      onPointerMove={move}
      aria-hidden="true"
      data-testid="map"
    >
      {images.map(({ png }, i) => (
        <Picture key={i} kind="ink" path={pngUrl(png)} alt="" />
      ))}
      <span class="pin" style={{ left: `${100 * point.x}%`, top: `${100 * point.y}%` }} />
    </div>
  );
}

interface AxisProps {
  name: string;
  dimension: number;
  dimensions: number;
  share: number;
  onChoose(dimension: number): void;
  onMove(share: number): void;
}

export function Axis({ name, dimension, dimensions, share, onChoose, onMove }: AxisProps) {
  return (
    <div class="axis">
      <label class="inline">
        {name}
        <select value={dimension} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
          {Array.from({ length: dimensions }, (_, i) => (
            <option key={i} value={i}>
              z{i + 1}
            </option>
          ))}
        </select>
      </label>
      <input
        type="range"
        min={0}
        max={1}
        step={0.01}
        value={share}
        aria-label={`Position ${name.toLowerCase()}`}
        onInput={(event) => onMove(Number(event.currentTarget.value))}
      />
    </div>
  );
}
