import type { JSX } from 'preact';
import type { Model } from '../../../client/index.ts';
import { ago, shortId } from '../../lib/format.ts';
import { useTitle } from '../../lib/hooks.ts';
import { latestOf, tintOf, useModels } from '../../lib/models.ts';
import { href, navigate, route } from '../../lib/router.ts';
import { nounOf } from '../../ui/digits.tsx';
import { NoModel } from '../../ui/no-model.tsx';
import { Loading, Problem } from '../../ui/parts.tsx';
import { Blend } from './blend.tsx';
import { Draw } from './draw.tsx';
import { Generate } from './generate.tsx';
import { Walk } from './walk.tsx';

interface Part {
  name: string;
  title: string;
  lead(model: Model): string;
  view(props: { model: Model }): JSX.Element;
}

const PARTS: Part[] = [
  {
    name: 'draw',
    title: 'Draw',
    lead: ({ labels }) =>
      `Draw one ${nounOf(labels)}. The model encodes its style and generates all ${numberOf(labels.length)} in your handwriting.`,
    view: Draw,
  },
  {
    name: 'generate',
    title: 'Generate',
    lead: () => 'A new style from a seed. The address contains all settings, so you can share the link.',
    view: Generate,
  },
  {
    name: 'walk',
    title: 'Walk',
    lead: () => 'Every point of the map is a style. Drag over it.',
    view: Walk,
  },
  {
    name: 'blend',
    title: 'Blend',
    lead: () => 'Mix two styles.',
    view: Blend,
  },
];

/** A number as written in a labelOf. */
const numberOf = (count: number): string => (count === 10 ? 'ten' : String(count));

interface ModelChoiceProps {
  models: readonly Model[];
  model: Model;
  part: string;
}

function ModelChoice({ models, model, part }: ModelChoiceProps) {
  return (
    <label class="inline">
      Model
      <select
        value={model.id}
        onChange={(event) => navigate(href(`/playground/${part}`, { model: event.currentTarget.value }))}
      >
        {models.map(({ id, preset, dataset, aliases, createdAt }) => (
          <option key={id} value={id}>
            {preset} on {dataset} {shortId(id)}, {aliases[0] ?? ago(createdAt)}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Playground() {
  const { path, query } = route.value;
  const part = PARTS.find(({ name }) => name === path[1]) ?? PARTS[0]!;
  useTitle(`${part.title} · Playground`);
  const { data, error } = useModels();
  const wanted = query.get('model');
  const model =
    data?.find(({ id, aliases }) => id === wanted || aliases.includes(wanted ?? '')) ?? latestOf(data);
  if (error !== undefined && data === undefined) return <Problem text={error} />;
  if (data === undefined) return <Loading />;
  if (model === undefined) {
    return (
      <>
        <h1 class="sr-only">Playground</h1>
        <NoModel />
      </>
    );
  }
  const View = part.view;
  return (
    <>
      <header class="page-head playground-head">
        <div>
          <h1>Playground</h1>
          <p class="lead">{part.lead(model)}</p>
        </div>
        <ModelChoice models={data} model={model} part={part.name} />
      </header>
      <nav class="tabs" aria-label="Playground">
        {PARTS.map(({ name, title }) => (
          <a
            key={name}
            href={href(`/playground/${name}`, { model: wanted })}
            aria-current={name === part.name ? 'page' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      {wanted !== null && model.id !== wanted && !model.aliases.includes(wanted) && (
        <Problem text={`Model ${wanted} does not exist. This page uses the latest one.`} />
      )}
      <div class={tintOf(model)}>
        <View key={model.id} model={model} />
      </div>
    </>
  );
}
