import { useState } from 'preact/hooks';
import { type Problem as ApiProblem, type Dataset, StylographProblem } from '../../client/index.ts';
import { client, messageOf } from '../lib/client.ts';
import { Field, Problem } from '../ui/parts.tsx';

type State =
  | { is: 'idle' }
  | { is: 'sending' }
  | { is: 'done'; dataset: Dataset }
  | { is: 'rejected'; text: string; files: NonNullable<ApiProblem['errors']> };

/** Uploads files as a dataset, by default under the name of the first file. */
async function send(files: readonly File[], name: string): Promise<State> {
  try {
    const dataset = await client.datasets.add({
      name: name.trim() || files[0]!.name.replace(/\.(zip|npz|gz)$/i, ''),
      files: files.map((file) => ({ name: file.name, bytes: file })),
    });
    return { is: 'done', dataset };
  } catch (error) {
    const rejected = (error instanceof StylographProblem && error.errors) || [];
    return { is: 'rejected', text: messageOf(error), files: rejected };
  }
}

function Outcome({ state, known }: { state: State; known: ReadonlySet<string> }) {
  if (state.is === 'sending') return <p role="status">Uploading and checking the images…</p>;
  if (state.is === 'done') {
    const { id, name, labels } = state.dataset;
    return (
      <p role="status">
        {name} {known.has(id) ? 'already exists' : 'was added'}, with {labels.length} labels.
      </p>
    );
  }
  if (state.is === 'idle') return null;
  return (
    <Problem text={state.text}>
      {state.files.length > 1 && (
        <ul class="warnings">
          {state.files.map(({ path, message }) => (
            <li key={path}>
              <code>{path}</code> {message}
            </li>
          ))}
        </ul>
      )}
    </Problem>
  );
}

interface UploadProps {
  /** Datasets before the upload. */
  datasets: readonly Dataset[];
  onAdded(): void;
}

/** A form and drop zone for the user's own images. */
export function Upload({ datasets, onAdded }: UploadProps) {
  const [name, setName] = useState('');
  const [state, setState] = useState<State>({ is: 'idle' });
  const [known, setKnown] = useState<ReadonlySet<string>>(new Set());
  const [isOver, setOver] = useState(false);
  const take = async (list: FileList | null | undefined): Promise<void> => {
    const files = [...(list ?? [])];
    if (files.length === 0 || state.is === 'sending') return;
    setState({ is: 'sending' });
    setKnown(new Set(datasets.map(({ id }) => id)));
    const after = await send(files, name);
    setState(after);
    if (after.is === 'done') onAdded();
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer?.files);
  };
  const hover = (event: DragEvent): void => {
    event.preventDefault();
    setOver(true);
  };
  return (
    <section
      class={`panel upload ${isOver ? 'over' : ''}`}
      aria-label="Your own images"
      onDragOver={hover}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <h2>Your own images</h2>
      <p>
        Drop a zip file here with one folder of images per label, such as <code>A/1.png</code> and{' '}
        <code>B/1.png</code>. NPZ and IDX files work too.
      </p>
      <div class="upload-form">
        <Field id="dataset-name" label="Name" hint="Default: the name of the file.">
          <input
            id="dataset-name"
            value={name}
            maxLength={100}
            aria-describedby="dataset-name-hint"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Field>
        <Field id="dataset-file" label="Files">
          <input
            id="dataset-file"
            type="file"
            multiple
            accept=".zip,.npz,.gz,application/zip"
            disabled={state.is === 'sending'}
            onChange={(event) => {
              void take(event.currentTarget.files);
              event.currentTarget.value = '';
            }}
          />
        </Field>
      </div>
      <Outcome state={state} known={known} />
    </section>
  );
}
