import { useEffect, useState } from 'preact/hooks';
import type { Model } from '../../../client/index.ts';
import { isAbort, messageOf } from '../../lib/client.ts';
import { useLatest, useLoad } from '../../lib/hooks.ts';
import { isEmpty } from '../../lib/ink.ts';
import { type Digit, decode, decodeAll, dimensionsByUse, encodeInk, manifoldGrid } from '../../lib/style.ts';
import { Digits } from '../../ui/digits.tsx';
import { Choice, Loading, Problem } from '../../ui/parts.tsx';
import { Picture, pngUrl } from '../../ui/picture.tsx';
import { drawing } from './draw.tsx';
import { Axis, Manifold, type Point } from './map.tsx';

/** Images per side of the map. */
const SIZE = 15;
const WALK_MS = 40;

type Axes = [across: number, down: number];
/** The other dimensions: those of the mean style, or of the user's drawing. */
type Base = 'neutral' | 'drawing';

/** The latent value at a point of an axis, linear between the centres of the map's images. */
export function valueAt(axis: readonly number[], share: number): number {
  const at = Math.min(axis.length - 1, Math.max(0, share * axis.length - 0.5));
  const low = Math.floor(at);
  const high = Math.min(axis.length - 1, low + 1);
  return axis[low]! + (at - low) * (axis[high]! - axis[low]!);
}

/** The base latent with two dimensions replaced. */
function latentAt(base: readonly number[], [across, down]: Axes, x: number, y: number): number[] {
  return base.map((value, i) => (i === across ? x : i === down ? y : value));
}

/** The map's axes: the two most used dimensions until the user chooses others. */
function useAxes(model: Model) {
  const [chosen, setAxes] = useState<Axes | null>(null);
  const used = useLoad((signal) => dimensionsByUse(model, signal), [model.id]).data;
  // A model with two dimensions shows them in order.
  const [first = 0, second = first] = model.latentDim === 2 ? [0, 1] : (used ?? [0]);
  const axes: Axes = chosen ?? [first, second];
  return { axes, setAxes, isReady: used !== undefined };
}

/** The grid of the map, the latent of the other dimensions, and the map's images. */
function useMap(model: Model, label: string, axes: Axes, kind: Base, isReady: boolean) {
  const ink = drawing.value;
  const grid = useLoad((signal) => manifoldGrid(model, SIZE, signal), [model.id]).data;
  const base = useLoad(
    async (signal) =>
      kind === 'drawing' && !isEmpty(ink)
        ? (await encodeInk(model, ink, null, signal)).mean
        : new Array<number>(model.latentDim).fill(0),
    [model.id, kind, ink],
  ).data;
  const map = useLoad(
    async (signal) => {
      if (grid === undefined || base === undefined || !isReady) return undefined;
      const latents = grid.flatMap((y) => grid.map((x) => ({ latent: latentAt(base, axes, x, y), label })));
      return await decode(model, latents, signal);
    },
    [model.id, grid, base, label, isReady, ...axes],
  );
  const latentOf = ({ x, y }: Point): number[] | undefined =>
    grid && base && latentAt(base, axes, valueAt(grid, x), valueAt(grid, y));
  return { images: map.data, error: map.error, latentOf, changes: [grid, base, ...axes] };
}

/** Every label at a latent, decoded again when `keys` change. */
function useDigitsAt(model: Model, latent: number[] | undefined, keys: readonly unknown[]) {
  const [digits, setDigits] = useState<Digit[]>();
  const [problem, setProblem] = useState<string>();
  const latest = useLatest(WALK_MS);
  useEffect(() => {
    if (latent === undefined) return;
    latest(async (signal) => {
      try {
        setDigits(await decodeAll(model, latent, signal));
        setProblem(undefined);
      } catch (error) {
        if (isAbort(error)) throw error;
        setProblem(messageOf(error));
      }
    });
  }, [model.id, ...keys]);
  return { digits, problem };
}

interface AxisPairProps {
  axes: Axes;
  dimensions: number;
  point: Point;
  onChoose(axes: Axes): void;
  onMove(point: Point): void;
}

function AxisPair({ axes, dimensions, point, onChoose, onMove }: AxisPairProps) {
  return (
    <div class="axes">
      <Axis
        name="Across"
        dimension={axes[0]}
        dimensions={dimensions}
        share={point.x}
        onChoose={(dimension) => onChoose([dimension, axes[1]])}
        onMove={(x) => onMove({ ...point, x })}
      />
      <Axis
        name="Down"
        dimension={axes[1]}
        dimensions={dimensions}
        share={point.y}
        onChoose={(dimension) => onChoose([axes[0], dimension])}
        onMove={(y) => onMove({ ...point, y })}
      />
    </div>
  );
}

export function Walk({ model }: { model: Model }) {
  const { labels, latentDim } = model;
  const [label, setLabel] = useState(labels[3] ?? labels[0]!);
  const [point, setPoint] = useState<Point>({ x: 0.5, y: 0.5 });
  const [base, setBase] = useState<Base>('neutral');
  const { axes, setAxes, isReady } = useAxes(model);
  const map = useMap(model, label, axes, base, isReady);
  const { digits, problem } = useDigitsAt(model, map.latentOf(point), [point, ...map.changes]);
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
        {map.images ? <Manifold images={map.images} point={point} onMove={setPoint} /> : <Loading />}
        <AxisPair axes={axes} dimensions={latentDim} point={point} onChoose={setAxes} onMove={setPoint} />
        <Choice
          legend="Style of the other dimensions"
          name="rest"
          options={[
            ['neutral', 'Mean style'],
            ['drawing', isEmpty(drawing.value) ? 'Your style (draw first)' : 'Your style'],
          ]}
          value={base}
          onChange={(next) => setBase(next)}
        />
      </div>
      <div class="walk-here">
        <div class="big-picture">
          {chosen && <Picture kind="ink" path={pngUrl(chosen.png)} alt={`${label} at this point`} />}
        </div>
        <h2>Every label at this point</h2>
        {error !== undefined && <Problem text={error} />}
        <Digits title="Every label at this point" digits={digits} labels={labels} marked={label} />
      </div>
    </div>
  );
}
