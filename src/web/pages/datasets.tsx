import { getJson } from '../lib/api.ts';
import type { DatasetInfo, Page } from '../lib/contract.ts';
import { count } from '../lib/format.ts';
import { useLoad, useTitle } from '../lib/hooks.ts';
import { href } from '../lib/router.ts';
import { Loading, Problem } from '../ui/parts.tsx';
import { Picture } from '../ui/picture.tsx';

function DatasetCard({ dataset }: { dataset: DatasetInfo }) {
  const { id, name, labels, width, height, split } = dataset;
  return (
    <li class="panel dataset">
      <Picture
        kind="ink"
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
              {width} × {height}
            </dd>
          </div>
          <div>
            <dt>Labels</dt>
            <dd>{labels.map((label) => label.name).join(', ')}</dd>
          </div>
        </dl>
        <a class="button" href={href('/runs/new', { dataset: id })}>
          Train on it
        </a>
      </div>
    </li>
  );
}

export function Datasets() {
  useTitle('Datasets');
  const { data, error } = useLoad((signal) => getJson<Page<DatasetInfo>>('/datasets?limit=200', signal), []);
  return (
    <>
      <header class="page-head">
        <h1>Datasets</h1>
      </header>
      {error !== undefined && <Problem text={error} />}
      {data === undefined && error === undefined && <Loading />}
      <ul class="datasets">
        {data?.items.map((dataset) => (
          <DatasetCard key={dataset.id} dataset={dataset} />
        ))}
      </ul>
    </>
  );
}
