import { useState } from 'preact/hooks';
import type { Run } from '../../../client/index.ts';
import { FIGURE_CAPTIONS, PICTURE_KINDS, pictureTitle } from '../../../core/presentation/labels.ts';
import { ALL, sortFigures } from '../../lib/figures.ts';
import type { RunView } from '../../lib/run-view.ts';
import { apiKey } from '../../lib/session.ts';
import { Choice } from '../../ui/parts.tsx';
import { Picture } from '../../ui/picture.tsx';

interface FigureProps {
  run: Run;
  title: string;
  file: string;
}

function Figure({ run, title, file }: FigureProps) {
  const path = `/runs/${run.id}/figures/${file}`;
  return (
    <figure class="final-figure">
      <Picture kind="sheet" path={path} alt={title} />
      {apiKey.value === null && (
        <figcaption class="meta">
          <a href={path} target="_blank" rel="noreferrer">
            {file}
          </a>
        </figcaption>
      )}
    </figure>
  );
}

interface FinalFiguresProps {
  view: RunView;
  labelName(label: string): string;
}

export function FinalFigures({ view, labelName }: FinalFiguresProps) {
  const figures = sortFigures(view.finals);
  const [chosen, setKind] = useState(PICTURE_KINDS[0]!);
  const [label, setLabel] = useState(ALL);
  const kind = figures.has(chosen) ? chosen : [...figures.keys()][0];
  if (kind === undefined) return null;
  const labels = figures.get(kind)!;
  const shown = labels.has(label) ? label : labels.has(ALL) ? ALL : [...labels.keys()][0]!;
  const title = shown === ALL ? pictureTitle(kind) : `${pictureTitle(kind)}, label ${labelName(shown)}`;
  return (
    <section class="panel" aria-labelledby="figures-title">
      <div class="section-head">
        <h2 id="figures-title">Figures</h2>
        <Choice
          legend="Figure"
          name="figure"
          options={[...figures.keys()].map((name) => [name, pictureTitle(name)] as const)}
          value={kind}
          onChange={setKind}
        />
      </div>
      {labels.size > 1 && (
        <Choice
          legend="Label of the figure"
          name="figure-label"
          options={[...labels.keys()].map((key) => [key, key === ALL ? 'All' : labelName(key)] as const)}
          value={shown}
          onChange={setLabel}
        />
      )}
      <Figure run={view.run} title={title} file={labels.get(shown)!} />
      <p class="meta">{FIGURE_CAPTIONS[kind]}</p>
    </section>
  );
}
