import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import type { Model } from '../../../client/index.ts';
import { isAbort, messageOf } from '../../lib/client.ts';
import { useLatest, useLoad } from '../../lib/hooks.ts';
import { type Ink, isEmpty, NO_INK } from '../../lib/ink.ts';
import { type Digit, decodeAll, drawSeed, encodeInk, generate } from '../../lib/style.ts';
import { Digits } from '../../ui/digits.tsx';
import { Choice, Problem } from '../../ui/parts.tsx';
import { Picture, pngUrl } from '../../ui/picture.tsx';
import { drawing } from './draw.tsx';
import { Pad } from './pad.tsx';

const BLEND_MS = 40;
const otherDrawing = signal<Ink>(NO_INK);

/** The source of a style. */
interface Source {
  kind: 'seed' | 'drawing';
  seed: number;
}

export const mix = (a: readonly number[], b: readonly number[], share: number): number[] =>
  a.map((value, i) => value + share * (b[i]! - value));

/** The latent of a side; undefined before anything is drawn. */
const useStyle = (model: Model, { kind, seed }: Source, ink: Ink) =>
  useLoad(
    async (abort) => {
      if (kind === 'drawing')
        return isEmpty(ink) ? undefined : (await encodeInk(model, ink, null, abort)).mean;
      const query = { label: model.labels[0]!, seed, truncation: 1, count: 1 };
      return (await generate(model, query, abort))[0]!.latent;
    },
    [model.id, kind, seed, ink],
  );

interface SideProps {
  name: string;
  source: Source;
  ink: Ink;
  sample: Digit | undefined;
  onSource(source: Source): void;
  onInk(ink: Ink): void;
}

function Side({ name, source, ink, sample, onSource, onInk }: SideProps) {
  return (
    <section class="panel blend-side" aria-label={name}>
      <div class="section-head">
        <h2>{name}</h2>
        <Choice
          legend={`Source of the ${name.toLowerCase()}`}
          name={name}
          options={[
            ['seed', 'Seed'],
            ['drawing', 'Drawing'],
          ]}
          value={source.kind}
          onChange={(kind) => onSource({ ...source, kind })}
        />
      </div>
      {source.kind === 'drawing' ? (
        <Pad
          ink={ink}
          onChange={onInk}
          label={`${name}: drawing area. With a keyboard, choose a seed instead.`}
        />
      ) : (
        <div class="blend-seed">
          <div class="pad-paper">
            {sample && (
              <Picture
                kind="ink"
                class="pad-example"
                path={pngUrl(sample.png)}
                alt={`${name}, seed ${source.seed}`}
              />
            )}
          </div>
          <div class="pad-tools">
            <span class="meta">Seed {source.seed}</span>
            <button
              type="button"
              class="button small"
              onClick={() => onSource({ ...source, seed: drawSeed() })}
            >
              Random seed
            </button>
          </div>
        </div>
      )}
    </section>
  );
}

/** Every label at each defined latent, decoded again when the latents change. */
function useDigits(
  model: Model,
  latents: (number[] | undefined)[],
): [(Digit[] | undefined)[], string | undefined] {
  const [digits, setDigits] = useState<(Digit[] | undefined)[]>([]);
  const [problem, setProblem] = useState<string>();
  const latest = useLatest(BLEND_MS);
  useEffect(() => {
    latest(async (abort) => {
      try {
        const decoded = latents.map((latent) => latent && decodeAll(model, latent, abort));
        setDigits(await Promise.all(decoded));
        setProblem(undefined);
      } catch (error) {
        if (isAbort(error)) throw error;
        setProblem(messageOf(error));
      }
    });
  }, [model.id, JSON.stringify(latents)]);
  return [digits, problem];
}

export function Blend({ model }: { model: Model }) {
  const [left, setLeft] = useState<Source>({
    kind: isEmpty(drawing.value) ? 'seed' : 'drawing',
    seed: 3,
  });
  const [right, setRight] = useState<Source>({ kind: 'seed', seed: 12 });
  const [share, setShare] = useState(0.5);
  const a = useStyle(model, left, drawing.value).data;
  const b = useStyle(model, right, otherDrawing.value).data;
  const [[mixed, first, second], problem] = useDigits(model, [a && b && mix(a, b, share), a, b]);
  const sample = (digits: Digit[] | undefined): Digit | undefined => digits?.[3] ?? digits?.[0];
  return (
    <div class="blend">
      <div class="blend-sides">
        <Side
          name="First style"
          source={left}
          ink={drawing.value}
          sample={sample(first)}
          onSource={setLeft}
          onInk={(ink) => {
            drawing.value = ink;
          }}
        />
        <Side
          name="Second style"
          source={right}
          ink={otherDrawing.value}
          sample={sample(second)}
          onSource={setRight}
          onInk={(ink) => {
            otherDrawing.value = ink;
          }}
        />
      </div>
      <section class="panel blend-between" aria-labelledby="between-title">
        <h2 id="between-title">Mixed style</h2>
        {problem !== undefined && <Problem text={problem} />}
        <input
          type="range"
          class="blend-slider"
          min={0}
          max={1}
          step={0.01}
          value={share}
          aria-label="Share of the second style"
          aria-valuetext={`${Math.round(100 * share)} %`}
          onInput={(event) => setShare(Number(event.currentTarget.value))}
        />
        <p class="blend-ends meta" aria-hidden="true">
          <span>First style</span>
          <span>Second style</span>
        </p>
        <Digits title="Every label in the mixed style" digits={mixed} labels={model.labels} />
      </section>
    </div>
  );
}
