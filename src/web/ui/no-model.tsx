import { useState } from 'preact/hooks';
import { client, messageOf } from '../lib/client.ts';
import { href, navigate } from '../lib/router.ts';
import { Empty, Problem } from './parts.tsx';

/** Shown on pages that need a model when there is none. */
export function NoModel() {
  const [starting, setStarting] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const start = async (): Promise<void> => {
    setStarting(true);
    try {
      const run = await client.runs.create({ preset: 'quick' });
      navigate(href(`/runs/${run.id}`));
    } catch (error) {
      setProblem(messageOf(error));
      setStarting(false);
    }
  };
  return (
    <Empty title="No model yet">
      <p>A quick run trains one in about two minutes. You can watch its progress.</p>
      <button type="button" class="button primary" disabled={starting} onClick={start}>
        Start a quick run
      </button>
      {problem !== null && <Problem text={problem} />}
    </Empty>
  );
}
