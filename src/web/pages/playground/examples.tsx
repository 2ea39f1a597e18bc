import { useState } from 'preact/hooks';
import type { Model } from '../../../client/index.ts';
import { messageOf } from '../../lib/client.ts';
import type { Ink } from '../../lib/ink.ts';
import { drawSeed, generate } from '../../lib/style.ts';
import { areMany } from '../../ui/digits.tsx';

interface ExamplesProps {
  model: Model;
  onPick(ink: Ink, label: string): void;
}

/** Examples to use instead of a drawing; each press generates one in a random style. */
export function Examples({ model, onPick }: ExamplesProps) {
  const [problem, setProblem] = useState<string | null>(null);
  const pick = async (label: string): Promise<void> => {
    try {
      const [digit] = await generate(model, { label, seed: drawSeed(), truncation: 1, count: 1 });
      setProblem(null);
      onPick({ strokes: [], example: digit!.png }, label);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return (
    <fieldset class="examples">
      <legend>Or use an example</legend>
      <div class={`key-row ${areMany(model.labels) ? 'many' : ''}`}>
        {model.labels.map((label) => (
          <button
            key={label}
            type="button"
            class="key"
            aria-label={`Use an example of ${label}`}
            onClick={() => pick(label)}
          >
            {label}
          </button>
        ))}
      </div>
      {problem !== null && <p class="field-error">{problem}</p>}
    </fieldset>
  );
}
