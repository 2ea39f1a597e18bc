import { useState } from 'preact/hooks';
import { ApiError, call, messageOf } from '../lib/api.ts';
import type { DatasetInfo, FieldError } from '../lib/contract.ts';
import { Field, Problem } from '../ui/parts.tsx';

type State =
  | { is: 'idle' }
  | { is: 'sending' }
  | { is: 'done'; dataset: DatasetInfo; isNew: boolean }
  | { is: 'refused'; text: string; files: FieldError[] };

/** A form of an upload; a dataset is named after its file unless it has a name. */
function formOf(files: readonly File[], name: string): FormData {
  const form = new FormData();
  form.set('name', name.trim() || files[0]!.name.replace(/\.(zip|npz|gz)$/i, ''));
  for (const file of files) form.append('file', file, file.name);
  return form;
}

async function send(files: readonly File[], name: string): Promise<State> {
  try {
    const response = await call('/datasets', { method: 'POST', body: formOf(files, name) });
    return { is: 'done', dataset: (await response.json()) as DatasetInfo, isNew: response.status === 201 };
  } catch (error) {
    return { is: 'refused', text: messageOf(error), files: error instanceof ApiError ? error.fields : [] };
  }
}

function Outcome({ state }: { state: State }) {
  if (state.is === 'sending') return <p role="status">Sending and checking the images…</p>;
  if (state.is === 'done') {
    const { dataset, isNew } = state;
    return (
      <p role="status">
        {isNew ? `${dataset.name} is here now` : `${dataset.name} was here already`}, with{' '}
        {dataset.labels.length} labels.
      </p>
    );
  }
  if (state.is === 'idle') return null;
  return (
    <Problem text={state.text}>
      {state.files.length > 1 && (
        <ul class="remarks">
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

/** A place to drop one's own images. */
export function Upload({ onAdded }: { onAdded(): void }) {
  const [name, setName] = useState('');
  const [state, setState] = useState<State>({ is: 'idle' });
  const [isOver, setOver] = useState(false);
  const take = async (list: FileList | null | undefined): Promise<void> => {
    const files = [...(list ?? [])];
    if (files.length === 0 || state.is === 'sending') return;
    setState({ is: 'sending' });
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
        Drop a zip file here that has a folder of pictures for every label, such as <code>A/1.png</code> and{' '}
        <code>B/1.png</code>. NPZ and IDX files are taken, too.
      </p>
      <div class="upload-form">
        <Field id="dataset-name" label="Name" hint="That of the file when empty.">
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
      <Outcome state={state} />
    </section>
  );
}
