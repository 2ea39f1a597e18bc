import { useState } from 'preact/hooks';
import { call, getJson, messageOf } from '../lib/api.ts';
import type { DatasetInfo, Page } from '../lib/contract.ts';
import { count } from '../lib/format.ts';
import { useLoad, useTitle } from '../lib/hooks.ts';
import { href } from '../lib/router.ts';
import { Confirm } from '../ui/dialog.tsx';
import { Loading, Problem } from '../ui/parts.tsx';
import { Picture } from '../ui/picture.tsx';
import { Upload } from './upload.tsx';

/** Labels that a card names. */
const NAMED = 40;

function labelList({ labels }: DatasetInfo): string {
  const names = labels.slice(0, NAMED).map((label) => label.name);
  return labels.length > NAMED ? `${names.join(', ')} and ${labels.length - NAMED} more` : names.join(', ');
}

/** Removes an uploaded dataset, after asking. */
function Remove({ dataset, onChange }: { dataset: DatasetInfo; onChange(): void }) {
  const [asks, setAsks] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const remove = async (): Promise<void> => {
    setAsks(false);
    try {
      await call(`/datasets/${dataset.id}`, { method: 'DELETE' });
      onChange();
    } catch (problem) {
      setError(messageOf(problem));
    }
  };
  return (
    <>
      <button type="button" class="button" onClick={() => setAsks(true)}>
        Delete
      </button>
      {error !== undefined && <Problem text={error} />}
      {asks && (
        <Confirm
          title={`Delete ${dataset.name}?`}
          text="Its images are removed from the server. Models that learned from them stay."
          action="Delete it"
          onConfirm={remove}
          onClose={() => setAsks(false)}
        />
      )}
    </>
  );
}

function DatasetCard({ dataset, onChange }: { dataset: DatasetInfo; onChange(): void }) {
  const { id, name, width, height, channels, split, warnings } = dataset;
  return (
    <li class="panel dataset">
      <Picture
        kind={channels === 1 ? 'ink' : 'plain'}
        class="sheet-picture"
        path={`/datasets/${id}/sheet.png`}
        alt={`Some images of ${name}`}
      />
      <div>
        <h2>{name}</h2>
        <dl class="facts">
          <div>
            <dt>Images</dt>
            <dd>
              {count(split.train)} to train on, {count(split.validation)} to check, {count(split.test)} to
              test
            </dd>
          </div>
          <div>
            <dt>Size</dt>
            <dd>
              {width} × {height}, {channels === 1 ? 'grey' : 'colour'}
            </dd>
          </div>
          <div>
            <dt>Labels</dt>
            <dd>{labelList(dataset)}</dd>
          </div>
        </dl>
        {warnings.length > 0 && (
          <details class="more">
            <summary>{warnings.length === 1 ? 'One remark' : `${warnings.length} remarks`}</summary>
            <ul class="remarks">
              {warnings.map((warning) => (
                <li key={warning}>{warning}</li>
              ))}
            </ul>
          </details>
        )}
        <div class="actions">
          <a class="button" href={href('/runs/new', { dataset: id })}>
            Train on it
          </a>
          {dataset.createdAt !== null && <Remove dataset={dataset} onChange={onChange} />}
        </div>
      </div>
    </li>
  );
}

export function Datasets() {
  useTitle('Datasets');
  const { data, error, reload } = useLoad(
    (signal) => getJson<Page<DatasetInfo>>('/datasets?limit=200', signal),
    [],
  );
  return (
    <>
      <header class="page-head">
        <h1>Datasets</h1>
      </header>
      <Upload onAdded={reload} />
      {error !== undefined && <Problem text={error} />}
      {data === undefined && error === undefined && <Loading />}
      <ul class="datasets">
        {data?.items.map((dataset) => (
          <DatasetCard key={dataset.id} dataset={dataset} onChange={reload} />
        ))}
      </ul>
    </>
  );
}
