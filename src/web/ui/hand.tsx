import { useState } from 'preact/hooks';
import { latestOf, tintOf, useModels } from '../lib/models.ts';
import { Picture } from './picture.tsx';

const drawSeed = (): number => Math.floor(Math.random() * 1e6);

/** All digits of the latest model in one hand; another hand at every press. Nothing while there is no model. */
export function Hand() {
  const [seed, setSeed] = useState(drawSeed);
  const model = latestOf(useModels().data);
  if (model === undefined) return null;
  return (
    <button type="button" class={`hand ${tintOf(model)}`} onClick={() => setSeed(drawSeed())}>
      {model.labels.slice(0, 10).map((label) => (
        <Picture
          key={label}
          kind="ink"
          path={`/generate?model=${model.id}&label=${encodeURIComponent(label)}&seed=${seed}&truncation=0.7`}
          alt=""
        />
      ))}
      <span class="meta">The latest model, one hand. Press for another.</span>
    </button>
  );
}
