import { useEffect, useRef, useState } from 'preact/hooks';
import { getJson, isAbort, messageOf } from '../../lib/api.ts';
import type { Model } from '../../lib/contract.ts';
import { useLatest, useLoad } from '../../lib/hooks.ts';
import { isEmpty } from '../../lib/ink.ts';
import { type Digit, decode, decodeAll, dimensionsByUse, encodeInk } from '../../lib/style.ts';
import { Digits } from '../../ui/digits.tsx';
import { Choice, Loading, Problem } from '../../ui/parts.tsx';
import { Picture, pngUrl } from '../../ui/picture.tsx';
import { drawing } from './draw.tsx';

const SIZE = 15;
const WALK_MS = 40;

/** A place on the map: both in [0, 1], from its upper left corner. */
interface Place {
  x: number;
  y: number;
}

type Axes = [across: number, down: number];

/** The value of an axis at a place: between the middles of the map's pictures linearly. */
export function valueAt(axis: readonly number[], share: number): number {
  const at = Math.min(axis.length - 1, Math.max(0, share * axis.length - 0.5));
  const low = Math.floor(at);
  const high = Math.min(axis.length - 1, low + 1);
  return axis[low]! + (at - low) * (axis[high]! - axis[low]!);
}

/** A latent that lies at two values on two axes, and elsewhere where the style does. */
function latentOf(base: readonly number[], [across, down]: Axes, x: number, y: number): number[] {
  return base.map((value, i) => (i === across ? x : i === down ? y : value));
}

interface MapProps {
  images: readonly Digit[];
  place: Place;
  onMove(place: Place): void;
}

/** The manifold as a map to be walked by dragging; the sliders below do the same by keyboard. */
function Manifold({ images, place, onMove }: MapProps) {
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
      <span class="pin" style={{ left: `${100 * place.x}%`, top: `${100 * place.y}%` }} />
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

function Axis({ name, dimension, dimensions, share, onChoose, onMove }: AxisProps) {
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
        aria-label={`Place ${name.toLowerCase()}`}
        onInput={(event) => onMove(Number(event.currentTarget.value))}
      />
    </div>
  );
}

/** The values of the map's axes, as the service chooses them: quantiles of a normal distribution. */
const useGrid = (model: Model) =>
  useLoad(
    async (signal) => {
      const label = encodeURIComponent(model.labels[0]!);
      const path = `/manifold?model=${model.id}&label=${label}&size=${SIZE}&format=json`;
      return (await getJson<{ grid: number[] }>(path, signal)).grid;
    },
    [model.id],
  ).data;

export function Walk({ model }: { model: Model }) {
  const { labels, latentDim } = model;
  const [label, setLabel] = useState(labels[3] ?? labels[0]!);
  const [place, setPlace] = useState<Place>({ x: 0.5, y: 0.5 });
  const [chosenAxes, setAxes] = useState<Axes | null>(null);
  const used = useLoad((signal) => dimensionsByUse(model, signal), [model.id]).data;
  // A model of two dimensions keeps them in order; of more, the two that say most come first.
  const [first = 0, second = first] = latentDim === 2 ? [0, 1] : (used ?? [0]);
  const axes: Axes = chosenAxes ?? [first, second];
  const [rest, setRest] = useState<'neutral' | 'drawing'>('neutral');
  const [digits, setDigits] = useState<Digit[]>();
  const [problem, setProblem] = useState<string>();
  const latest = useLatest(WALK_MS);
  const grid = useGrid(model);
  const ink = drawing.value;
  const base = useLoad(
    async (signal) =>
      rest === 'drawing' && !isEmpty(ink)
        ? (await encodeInk(model, ink, null, signal)).mean
        : new Array<number>(latentDim).fill(0),
    [model.id, rest, ink],
  ).data;
  const map = useLoad(
    async (signal) => {
      if (grid === undefined || base === undefined || used === undefined) return undefined;
      const latents = grid.flatMap((y) => grid.map((x) => ({ latent: latentOf(base, axes, x, y), label })));
      return await decode(model, latents, signal);
    },
    [model.id, grid, base, label, used, ...axes],
  );
  useEffect(() => {
    if (grid === undefined || base === undefined) return;
    const latent = latentOf(base, axes, valueAt(grid, place.x), valueAt(grid, place.y));
    latest(async (signal) => {
      try {
        setDigits(await decodeAll(model, latent, signal));
        setProblem(undefined);
      } catch (error) {
        if (isAbort(error)) throw error;
        setProblem(messageOf(error));
      }
    });
  }, [model.id, grid, base, place, ...axes]);
  const chosen = digits?.find((digit) => digit.label === label);
  const error = map.error ?? problem;
  return (
    <div class="walk">
      <div class="walk-map">
        <Choice
          legend="Label of the map"
          name="walk-label"
          options={labels.map((name) => [name, name] as const)}
          value={label}
          onChange={setLabel}
        />
        {map.data ? <Manifold images={map.data} place={place} onMove={setPlace} /> : <Loading />}
        <div class="axes">
          <Axis
            name="Across"
            dimension={axes[0]}
            dimensions={latentDim}
            share={place.x}
            onChoose={(dimension) => setAxes([dimension, axes[1]])}
            onMove={(x) => setPlace({ ...place, x })}
          />
          <Axis
            name="Down"
            dimension={axes[1]}
            dimensions={latentDim}
            share={place.y}
            onChoose={(dimension) => setAxes([axes[0], dimension])}
            onMove={(y) => setPlace({ ...place, y })}
          />
        </div>
        <Choice
          legend="The other dimensions"
          name="rest"
          options={[
            ['neutral', 'Neutral hand'],
            ['drawing', isEmpty(ink) ? 'Your hand (draw first)' : 'Your hand'],
          ]}
          value={rest}
          onChange={(next) => setRest(next)}
        />
      </div>
      <div class="walk-here">
        <div class="big-picture">
          {chosen && <Picture kind="ink" path={pngUrl(chosen.png)} alt={`A ${label} at this place`} />}
        </div>
        <h2>Here, in every label</h2>
        {error !== undefined && <Problem text={error} />}
        <Digits title="Every label at this place" digits={digits} labels={labels} marked={label} />
      </div>
    </div>
  );
}
