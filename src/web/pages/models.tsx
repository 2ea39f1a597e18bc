import { useState } from 'preact/hooks';
import type { Model } from '../../client/index.ts';
import { count } from '../../core/presentation/format.ts';
import { client, messageOf } from '../lib/client.ts';
import { ago, shortId } from '../lib/format.ts';
import { useTitle } from '../lib/hooks.ts';
import { tintOf, useModels } from '../lib/models.ts';
import { href } from '../lib/router.ts';
import { imagePath } from '../lib/style.ts';
import { EvaluationPanel, MEASURE_ROWS } from '../ui/evaluation.tsx';
import { NoModel } from '../ui/no-model.tsx';
import { Field, Loading, Problem } from '../ui/parts.tsx';
import { Picture } from '../ui/picture.tsx';

const SEED = 7;

/** Sets an alias for the model, or moves it to the model. */
function AliasForm({ model, onChange }: { model: Model; onChange(): void }) {
  const [alias, setAlias] = useState('');
  const [error, setError] = useState<string | undefined>(undefined);
  const id = `alias-${model.id}`;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await client.models.setAlias(alias.trim(), model.id);
      setAlias('');
      setError(undefined);
      onChange();
    } catch (problem) {
      setError(messageOf(problem));
    }
  };
  return (
    <form class="alias-form" onSubmit={submit}>
      <Field id={id} label="Alias" error={error}>
        <span class="joined">
          <input
            id={id}
            value={alias}
            placeholder="favourite"
            aria-invalid={error !== undefined}
            aria-describedby={error === undefined ? undefined : `${id}-error`}
            onInput={(event) => setAlias(event.currentTarget.value)}
          />
          <button type="submit" class="button" disabled={alias.trim() === ''}>
            Set
          </button>
        </span>
      </Field>
    </form>
  );
}

function ModelCard({ model, onChange }: { model: Model; onChange(): void }) {
  const { id, aliases, labels, evaluation } = model;
  return (
    <li class="panel model">
      <div class="model-head">
        <div>
          <h2>
            {model.preset} on {model.dataset}
          </h2>
          <p class="meta">
            <code title={id}>{shortId(id)}</code> · {count(model.iteration)} iterations · {model.latentDim}{' '}
            latent dimensions · {ago(model.createdAt)}
          </p>
        </div>
        <ul class="chips" aria-label="Aliases">
          {aliases.map((alias) => (
            <li key={alias}>{alias}</li>
          ))}
        </ul>
      </div>
      <div class={`digits ${tintOf(model)}`}>
        {labels.slice(0, 10).map((label) => (
          <Picture key={label} kind="ink" path={imagePath(model, label, SEED, 0.8)} alt={label} />
        ))}
      </div>
      {evaluation && (
        <dl class="scores">
          {MEASURE_ROWS.map(({ label, of }) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{of(evaluation)}</dd>
            </div>
          ))}
        </dl>
      )}
      <div class="model-foot">
        <div class="actions">
          <a class="button primary" href={href('/playground/draw', { model: id })}>
            Draw
          </a>
          <a class="button" href={href('/playground/generate', { model: id })}>
            Generate
          </a>
          <a class="button" href={href(`/runs/${model.runId}`)}>
            Training run
          </a>
        </div>
        <AliasForm model={model} onChange={onChange} />
      </div>
      {evaluation && (
        <details class="more">
          <summary>Full evaluation</summary>
          <EvaluationPanel evaluation={evaluation} />
        </details>
      )}
    </li>
  );
}

export function Models() {
  useTitle('Models');
  const { data, error, reload } = useModels();
  return (
    <>
      <header class="page-head">
        <h1>Models</h1>
      </header>
      {error !== undefined && <Problem text={error} />}
      {data === undefined && error === undefined && <Loading />}
      {data?.length === 0 && <NoModel />}
      <ul class="models">
        {data?.map((model) => (
          <ModelCard key={model.id} model={model} onChange={reload} />
        ))}
      </ul>
    </>
  );
}
