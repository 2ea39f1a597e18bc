import { useState } from 'preact/hooks';
import type { Run, RunState } from '../../../client/index.ts';
import { client, messageOf } from '../../lib/client.ts';
import { navigate } from '../../lib/router.ts';
import { Confirm } from '../../ui/dialog.tsx';
import { Problem } from '../../ui/parts.tsx';

type Action = 'pause' | 'resume' | 'cancel' | 'delete';

const OFFERED: Record<RunState, readonly Action[]> = {
  queued: ['cancel'],
  running: ['pause', 'cancel'],
  pausing: ['cancel'],
  paused: ['resume', 'cancel'],
  cancelling: [],
  cancelled: ['delete'],
  succeeded: ['delete'],
  failed: ['delete'],
};
const TEXTS: Record<Action, string> = {
  pause: 'Pause',
  resume: 'Resume',
  cancel: 'Cancel',
  delete: 'Delete',
};
const QUESTIONS: Partial<Record<Action, { title: string; text: string; action: string }>> = {
  cancel: {
    title: 'Cancel this run?',
    text: 'It cannot be resumed. Its figures and checkpoints stay.',
    action: 'Cancel run',
  },
  delete: {
    title: 'Delete this run?',
    text: 'Its events, checkpoints and figures are deleted permanently. Its published model stays.',
    action: 'Delete run',
  },
};

/** Buttons for the actions that the run's state allows. */
export function Controls({ run }: { run: Run }) {
  const [asking, setAsking] = useState<Action | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const act = async (action: Action): Promise<void> => {
    setAsking(null);
    setBusy(true);
    setProblem(null);
    try {
      if (action === 'delete') {
        await client.runs.delete(run.id);
        navigate('#/');
        return;
      }
      await client.runs[action](run.id);
    } catch (error) {
      setProblem(messageOf(error));
    }
    setBusy(false);
  };
  const question = asking && QUESTIONS[asking];
  return (
    <div class="controls">
      <div class="actions">
        {OFFERED[run.state].map((action) => (
          <button
            key={action}
            type="button"
            class={`button ${QUESTIONS[action] ? 'quiet-danger' : ''}`}
            disabled={busy}
            onClick={() => (QUESTIONS[action] ? setAsking(action) : act(action))}
          >
            {TEXTS[action]}
          </button>
        ))}
      </div>
      {problem !== null && <Problem text={problem} />}
      {question && <Confirm {...question} onConfirm={() => act(asking)} onClose={() => setAsking(null)} />}
    </div>
  );
}
