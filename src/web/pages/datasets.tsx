import { useState } from 'preact/hooks';
import type { Dataset } from '../../client/index.ts';
import { count } from '../../core/presentation/format.ts';
import { client, messageOf } from '../lib/client.ts';
import { useLoad, useTitle } from '../lib/hooks.ts';
import { href } from '../lib/router.ts';
import { Confirm } from '../ui/dialog.tsx';
import { FactList, Loading, Problem } from '../ui/parts.tsx';
import { Picture } from '../ui/picture.tsx';
import { Upload } from './upload.tsx';

/** Most label names on a card. */
const MAX_NAMES = 40;

function labelList({ labels }: Dataset): string {
  const names = labels.slice(0, MAX_NAMES).map((label) => label.name);
  return labels.length > MAX_NAMES
    ? `${names.join(', ')} and ${labels.length - MAX_NAMES} more`
    : names.join(', ');
}

/** Deletes an uploaded dataset after a confirmation. */
function Remove({ dataset, onChange }: { dataset: Dataset; onChange(): void }) {
  const [asks, setAsks] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const remove = async (): Promise<void> => {
    setAsks(false);
    try {
      await client.datasets.delete(dataset.id);
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
          text="Its images are deleted from the server. Models trained on them stay."
          action="Delete dataset"
          onConfirm={remove}
          onClose={() => setAsks(false)}
        />
      )}
    </>
  );
}

function DatasetCard({ dataset, onChange }: { dataset: Dataset; onChange(): void }) {
  const { id, name, width, height, channels, split, warnings } = dataset;
  return (
    <li class="panel dataset">
      <Picture
        kind={channels === 1 ? 'ink' : 'plain'}
        class="sheet-picture"
        path={`/datasets/${id}/sheet.png`}
        alt={`Sample images of ${name}`}
      />
      <div>
        <h2>{name}</h2>
        <FactList
          rows={[
            [
              'Images',
              `${count(split.train)} for training, ${count(split.validation)} for validation, ${count(split.test)} for testing`,
            ],
            ['Size', `${width} × ${height}, ${channels === 1 ? 'grey' : 'colour'}`],
            ['Labels', labelList(dataset)],
          ]}
        />
        {warnings.length > 0 && (
          <details class="more">
            <summary>{warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`}</summary>
            <ul class="warnings">
              {warnings.map((warning) => (
                <li key={warning}>{warning}</li>
              ))}
            </ul>
          </details>
        )}
        <div class="actions">
          <a class="button" href={href('/runs/new', { dataset: id })}>
            Train on this dataset
          </a>
          {dataset.createdAt !== null && <Remove dataset={dataset} onChange={onChange} />}
        </div>
      </div>
    </li>
  );
}

export function Datasets() {
  useTitle('Datasets');
  const { data, error, reload } = useLoad((signal) => client.datasets.list({ limit: 200, signal }), []);
  return (
    <>
      <header class="page-head">
        <h1>Datasets</h1>
      </header>
      <Upload datasets={data?.items ?? []} onAdded={reload} />
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
