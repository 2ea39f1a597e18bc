import { useState } from 'preact/hooks';
import type { Run } from '../../../client/index.ts';
import { count } from '../../../core/presentation/format.ts';
import { PICTURE_KINDS, pictureTitle, SAMPLE_CAPTIONS } from '../../../core/presentation/labels.ts';
import type { RunView, Sample } from '../../lib/run-view.ts';
import { Choice } from '../../ui/parts.tsx';
import { Picture } from '../../ui/picture.tsx';

interface PlayerProps {
  run: Run;
  labelName(label: number): string;
  samples: Sample[];
}

/** The samples of a kind: the newest one, or an earlier one chosen by the slider. */
function Player({ run, labelName, samples }: PlayerProps) {
  const [held, setHeld] = useState<number | null>(null);
  const last = samples.length - 1;
  const at = held === null ? last : Math.min(held, last);
  const sample = samples[at]!;
  const before = samples[at - 1];
  const labelled = sample.label === undefined ? '' : `, label ${labelName(sample.label)}`;
  const caption = `Iteration ${count(sample.iteration)}${labelled}`;
  return (
    <>
      <div class={`stage ${sample.kind}`}>
        {before !== undefined && (
          <Picture kind="sheet" class="under" path={`/runs/${run.id}/figures/${before.file}`} alt="" />
        )}
        <Picture
          key={sample.file}
          kind="sheet"
          class="over"
          path={`/runs/${run.id}/figures/${sample.file}`}
          alt={`${pictureTitle(sample.kind)} at iteration ${sample.iteration}${labelled}`}
        />
      </div>
      <div class="scrubber">
        <input
          type="range"
          min={0}
          max={Math.max(1, last)}
          value={at}
          disabled={last === 0}
          aria-label="Iteration shown"
          aria-valuetext={caption}
          onInput={(event) => {
            const value = Number(event.currentTarget.value);
            setHeld(value >= last ? null : value);
          }}
        />
        <output>{caption}</output>
      </div>
    </>
  );
}

interface SamplesProps {
  view: RunView;
  labelName(label: number): string;
}

export function Samples({ view, labelName }: SamplesProps) {
  const [kind, setKind] = useState('labels');
  const kinds = [...view.samples.keys()].sort((a, b) => PICTURE_KINDS.indexOf(a) - PICTURE_KINDS.indexOf(b));
  const shown = view.samples.get(kind) ? kind : kinds[0];
  if (shown === undefined) {
    return (
      <section class="panel waiting" aria-label="Samples">
        <p class="meta">The first samples appear at iteration {count(view.run.config.sampleEvery)}.</p>
      </section>
    );
  }
  return (
    <section class="panel samples" aria-labelledby="samples-title">
      <div class="section-head">
        <h2 id="samples-title">Samples during training</h2>
        <Choice
          legend="Kind of sample"
          name="sample-kind"
          options={kinds.map((name) => [name, pictureTitle(name)] as const)}
          value={shown}
          onChange={setKind}
        />
      </div>
      <Player key={shown} run={view.run} labelName={labelName} samples={view.samples.get(shown)!} />
      <p class="meta">{SAMPLE_CAPTIONS[shown]}</p>
    </section>
  );
}
