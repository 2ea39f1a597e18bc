import type { components, operations } from './schema.ts';

type Schemas = components['schemas'];

export type Run = Schemas['Run'];
export type RunState = Schemas['RunState'];
export type RunProgress = Schemas['RunProgress'];
export type RunRequest = Schemas['RunRequest'];
export type ResolvedRun = AnswerOf<'createRun', 200>;
export type TrainingConfig = Schemas['TrainingConfig'];
export type Checkpoint = Schemas['Checkpoint'];
export type Figure = Schemas['Figure'];
export type Film = Schemas['Film'];
export type FilmFormat = keyof Film['href'];
export type Model = Schemas['Model'];
export type Promotion = Schemas['Promotion'];
export type Evaluation = Schemas['Evaluation'];
export type SampleScores = Schemas['SampleScores'];
export type Validation = Schemas['Validation'];
export type Diagnosis = Schemas['Diagnosis'];
export type Dataset = Schemas['Dataset'];
export type Preset = Schemas['Preset'];
export type LabelReference = Schemas['LabelReference'];
export type Problem = Schemas['Problem'];

/** An event of a run with its durable id. Events whose type this version does not know are passed on unchanged. */
export type RunEvent = Schemas['StreamedEvent'] & { id: string };
/** An event as the server stores it; `reset` exists in streams only. */
export type StoredEvent = Exclude<RunEvent, { type: 'reset' }>;

/** The JSON answer of an operation, by its name in the OpenAPI document. */
export type AnswerOf<O extends keyof operations, Status extends number = 200> = operations[O] extends {
  responses: Record<Status, { content: { 'application/json': infer Answer } }>;
}
  ? Answer
  : never;

/** The same type with optional fields that may also be undefined. */
type Loose<T> = { [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] };

/** The query of an operation. */
export type QueryOf<O extends keyof operations> = operations[O] extends {
  parameters: { query?: infer Query };
}
  ? Loose<NonNullable<Query>>
  : never;

/** The JSON body of an operation. */
export type BodyOf<O extends keyof operations> = operations[O] extends {
  requestBody?: { content: { 'application/json': infer Body } };
}
  ? Body
  : never;

/** A page of a list; `nextCursor` is null on the last. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface CallOptions {
  /** Aborts the call, which then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for one attempt; default: the client's own value. */
  timeoutMs?: number | undefined;
  /** How often a failed call is retried; default: the client's own value. */
  retries?: number | undefined;
}

export interface PageOptions extends CallOptions {
  /** 1 to 200. */
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** Labelled images to upload. */
export interface DatasetUpload {
  name: string;
  /** One zip or NPZ file, or IDX files of images and of labels. */
  files: { name: string; bytes: Blob }[];
  /** Side in pixels of all images after resizing: 16 to 64, a multiple of 4. */
  size?: number | undefined;
  channels?: 1 | 3 | undefined;
  polarity?: 'auto' | 'keep' | 'invert' | undefined;
  /** Names of labels 0, 1, …; for NPZ and IDX files, which hold numbers only. */
  labels?: string[] | undefined;
}
