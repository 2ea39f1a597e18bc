import { useState } from 'preact/hooks';
import { messageOf } from '../../lib/api.ts';
import type { Model } from '../../lib/contract.ts';
import type { Ink } from '../../lib/ink.ts';
import { drawSeed, generate } from '../../lib/style.ts';
import { areMany } from '../../ui/digits.tsx';

interface ExamplesProps {
  model: Model;
  onPick(ink: Ink, label: string): void;
}

/** Digits to start from without drawing: every press brings one in another hand. */
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
      <legend>Or take an example</legend>
      <div class={`key-row ${areMany(model.labels) ? 'many' : ''}`}>
        {model.labels.map((label) => (
          <button
            key={label}
            type="button"
            class="key"
            aria-label={`Take an example of ${label}`}
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
