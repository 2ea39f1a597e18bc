import { useState } from 'preact/hooks';
import { latestOf, tintOf, useModels } from '../lib/models.ts';
import { drawSeed, imagePath } from '../lib/style.ts';
import { Picture } from './picture.tsx';

/** Digits of the latest model in one style; a press draws another style. Empty without a model. */
export function Hand() {
  const [seed, setSeed] = useState(drawSeed);
  const model = latestOf(useModels().data);
  if (model === undefined) return null;
  return (
    <button type="button" class={`hand ${tintOf(model)}`} onClick={() => setSeed(drawSeed())}>
      {model.labels.slice(0, 10).map((label) => (
        <Picture key={label} kind="ink" path={imagePath(model, label, seed, 0.7)} alt="" />
      ))}
      <span class="meta">One style of the latest model. Press for another.</span>
    </button>
  );
}
