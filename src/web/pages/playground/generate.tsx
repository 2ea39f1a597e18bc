import { useState } from 'preact/hooks';
import type { Model } from '../../../client/index.ts';
import { useLoad } from '../../lib/hooks.ts';
import { href, replaceAddress, route } from '../../lib/router.ts';
import { type Drawn, decodeAll, drawSeed, generate } from '../../lib/style.ts';
import { Digits } from '../../ui/digits.tsx';
import { Choice, Field, Problem } from '../../ui/parts.tsx';
import { Picture, pngUrl } from '../../ui/picture.tsx';

const MAX_SEED = 4_294_967_295;
const MAX_TRUNCATION = 2;
const VARIATIONS = 24;
/** The page starts with more common styles than the API's default of 1 gives. */
const DEFAULT_TRUNCATION = 0.7;

interface Query {
  label: string;
  seed: number;
  truncation: number;
}

function queryOf(address: URLSearchParams, model: Model): Query {
  const label = address.get('label') ?? '';
  const numberUpTo = (most: number, text: string | null): number | undefined => {
    const value = Number(text);
    return text !== null && text !== '' && value >= 0 && value <= most ? value : undefined;
  };
  const seed = numberUpTo(MAX_SEED, address.get('seed'));
  return {
    label: model.labels.includes(label) ? label : (model.labels[3] ?? model.labels[0]!),
    seed: seed === undefined ? 1 : Math.floor(seed),
    truncation: numberUpTo(MAX_TRUNCATION, address.get('truncation')) ?? DEFAULT_TRUNCATION,
  };
}

/** Copies the page's address, which contains all settings of the picture. */
function CopyLink() {
  const [text, setText] = useState('Copy link');
  const copy = async (): Promise<void> => {
    const done = await navigator.clipboard.writeText(location.href).then(
      () => true,
      () => false,
    );
    setText(done ? 'Copied' : 'Copy failed: use the address bar');
    setTimeout(() => setText('Copy link'), 2_000);
  };
  return (
    <button type="button" class="button" onClick={copy}>
      <span role="status">{text}</span>
    </button>
  );
}

interface VariationsProps {
  images: readonly Drawn[];
  onPick(seed: number): void;
}

function Variations({ images, onPick }: VariationsProps) {
  return (
    <section aria-labelledby="more-title">
      <h2 id="more-title">Other styles</h2>
      <ul class="variations">
        {images.map(({ seed, png }) => (
          <li key={seed}>
            <button type="button" aria-label={`Use seed ${seed}`} onClick={() => onPick(seed)}>
              <Picture kind="ink" path={pngUrl(png)} alt="" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Generate({ model }: { model: Model }) {
  const query = queryOf(route.value.query, model);
  const change = (part: Partial<Query>): void =>
    replaceAddress(href('/playground/generate', { model: model.id, ...query, ...part }));
  const { label, seed, truncation } = query;
  const { data, error } = useLoad(
    async (signal) => {
      const images = await generate(model, { ...query, count: VARIATIONS + 1 }, signal);
      return { images, digits: await decodeAll(model, images[0]!.latent, signal) };
    },
    [model.id, label, seed, truncation],
  );
  const [first, ...others] = data?.images ?? [];
  return (
    <div class="generate">
      <div class="generate-main">
        <div class="big-picture">
          {first && (
            <Picture kind="ink" path={pngUrl(first.png)} alt={`${first.label}, seed ${first.seed}`} />
          )}
        </div>
        <form class="generate-form" onSubmit={(event) => event.preventDefault()}>
          <Choice
            legend="Label"
            name="label"
            options={model.labels.map((name) => [name, name] as const)}
            value={label}
            onChange={(next) => change({ label: next })}
          />
          <Field id="seed" label="Seed">
            <span class="joined">
              <input
                id="seed"
                type="number"
                min={0}
                max={MAX_SEED}
                value={seed}
                onChange={(event) =>
                  change({ seed: Math.max(0, Math.floor(Number(event.currentTarget.value))) })
                }
              />
              <button type="button" class="button" onClick={() => change({ seed: drawSeed() })}>
                Random
              </button>
            </span>
          </Field>
          <Field
            id="truncation"
            label={`Truncation ${truncation.toFixed(2)}`}
            hint="Scales the latent: below 1 styles are common, above 1 unusual."
          >
            <input
              id="truncation"
              type="range"
              min={0}
              max={MAX_TRUNCATION}
              step={0.05}
              value={truncation}
              aria-describedby="truncation-hint"
              onInput={(event) => change({ truncation: Number(event.currentTarget.value) })}
            />
          </Field>
          <CopyLink />
        </form>
      </div>
      {error !== undefined && <Problem text={error} />}
      <section aria-labelledby="same-title">
        <h2 id="same-title">The same style</h2>
        <Digits
          title="Every label in this style"
          digits={data?.digits}
          labels={model.labels}
          marked={label}
        />
      </section>
      <Variations images={others} onPick={(next) => change({ seed: next })} />
    </div>
  );
}
