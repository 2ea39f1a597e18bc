/**
 * Every error that users can see, by its stable `code`, with an HTTP status and a title. The `detail` given where it is
 * thrown says what is wrong, then the remedy.
 */
export const ERRORS = {
  validation_failed: [400, 'The request is not valid'],
  malformed_json: [400, 'The body is not valid JSON'],
  invalid_image: [422, 'The image cannot be read'],
  invalid_label: [422, 'The label does not exist in this model'],
  export_unsupported: [422, 'The model cannot be exported'],
  invalid_archive: [422, 'The archive contains no usable model'],
  invalid_dataset: [422, 'The files cannot be used as a dataset'],
  invalid_latent: [422, 'The latent has the wrong length'],
  webhook_refused: [422, 'The webhook address is not allowed'],
  no_seed_model: [422, 'The model to start from cannot be used'],
  unauthorized: [401, 'An API key is required'],
  forbidden: [403, 'The API key lacks the needed scope'],
  cross_site: [403, 'Pages of other sites may not call this server'],
  not_found: [404, 'There is nothing at this address'],
  no_model: [404, 'No model has been trained yet'],
  model_not_found: [404, 'There is no such model'],
  run_not_found: [404, 'There is no such run'],
  dataset_not_found: [404, 'There is no such dataset'],
  figure_not_found: [404, 'There is no such figure'],
  webhook_not_found: [404, 'The run has no webhook'],
  film_not_found: [404, 'There is no such film'],
  method_not_allowed: [405, 'The method is not allowed here'],
  not_acceptable: [406, 'None of the accepted media types can be produced'],
  invalid_state: [409, 'The run is not in a state that allows this'],
  idempotency_conflict: [409, 'The idempotency key was used with another body'],
  model_in_use: [409, 'An alias points to the model'],
  dataset_in_use: [409, 'A run uses the dataset'],
  dataset_built_in: [409, 'The dataset is built in'],
  request_timeout: [408, 'The request took too long to arrive'],
  headers_too_large: [431, 'The headers are too large'],
  too_many_images: [422, 'The call asks for too many images'],
  sheet_too_large: [422, 'The sheet would be too large'],
  run_too_large: [422, 'The run needs more memory than is available'],
  model_exists: [409, 'Another model has this id'],
  no_former_model: [409, 'The alias has no previous model'],
  promotion_refused: [409, 'The model is not better than the one it would replace'],
  store_conflict: [409, 'Another client changed this at the same time'],
  body_too_large: [413, 'The body is too large'],
  unsupported_media_type: [415, 'The media type is not supported'],
  range_not_satisfiable: [416, 'The range is outside the file'],
  queue_full: [429, 'Too much work is waiting'],
  rate_limited: [429, 'Too many requests'],
  too_many_streams: [429, 'Too many event streams are open'],
  inference_failed: [500, 'The inference process failed'],
  internal: [500, 'Something went wrong on our side'],
  redis_unavailable: [503, 'The queue store is unavailable'],
  store_unavailable: [503, 'The store of models and results is unavailable'],
  model_loading: [503, 'The model is loading'],
  inference_unavailable: [503, 'The inference process is restarting'],
  shutting_down: [503, 'The server is shutting down'],
  key_not_found: [404, 'There is no such key'],
  keys_file_invalid: [500, 'The file of API keys cannot be read'],
  disk_full: [507, 'The disk is full'],
  deadline_exceeded: [504, 'The deadline passed'],
  // Errors that end a run or a process. The status applies if they reach an API answer.
  dataset_missing: [500, 'The dataset files are missing'],
  dataset_corrupt: [500, 'The dataset files are damaged'],
  idx_truncated: [500, 'An IDX file ends too early'],
  idx_bad_magic: [500, 'A file is not an IDX file of the expected kind'],
  idx_count_mismatch: [500, 'An image file and its label file disagree'],
  idx_trailing_bytes: [500, 'An IDX file goes on after its last item'],
  store_mismatch: [500, 'Redis and the store belong to different servers'],
  checkpoint_corrupt: [500, 'A checkpoint is damaged'],
  checkpoint_missing: [500, 'A checkpoint is missing'],
  fence_lost: [500, 'Another worker owns this run now'],
  evaluation_unavailable: [422, 'Models of this dataset cannot be evaluated'],
  classifier_unfit: [500, 'The reference classifier is not good enough'],
  diverged: [500, 'Training diverged'],
  child_died: [500, 'A child process died'],
  engine_missing: [500, 'The TensorFlow engine is not installed'],
  engine_no_gpu: [500, 'A GPU is required but none can be used'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof ERRORS;

/** Errors that may pass, or that an operator can fix, while a run waits. */
const PASSING: ReadonlySet<string> = new Set<ErrorCode>(['disk_full', 'store_unavailable']);
/** Errors that stop a run. After any other error, a run continues without the evaluation or figure that failed. */
const STOPPING: ReadonlySet<string> = new Set([...PASSING, 'fence_lost', 'redis_unavailable']);

export interface FieldError {
  /** Position in the request, for instance `body.config.batchSize` or `query.label`. */
  path: string;
  message: string;
}

export interface ErrorExtras {
  errors?: FieldError[];
  /** Seconds to wait before a retry; sent as the Retry-After header. */
  retryAfter?: number;
  cause?: unknown;
}

/** An error with a stable code. Users see its `message`: what is wrong, then the remedy. */
export class StylographError extends Error {
  readonly code: ErrorCode;
  readonly errors: FieldError[] | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, detail: string, extras: ErrorExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = 'StylographError';
    this.code = code;
    this.errors = extras.errors;
    this.retryAfter = extras.retryAfter;
  }

  get status(): number {
    return ERRORS[this.code][0];
  }

  get title(): string {
    return ERRORS[this.code][1];
  }
}

/** The error for a request with these wrong fields. */
export const invalidFields = (
  errors: FieldError[],
  detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; '),
): StylographError => new StylographError('validation_failed', detail, { errors });

/** The error for a request with one wrong field. @param message what is wrong, to be read after the path */
export const invalidField = (path: string, message: string, detail?: string): StylographError =>
  invalidFields([{ path, message }], detail);

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

/** The code of our own errors. It is recognised by shape, since `instanceof` fails for errors from other processes. */
export function errorCodeOf(error: unknown): ErrorCode | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return isErrorCode(code) ? code : undefined;
}

/** Whether a run with this error is paused, to continue later, instead of failed. */
export const isPassing = (code: string): boolean => PASSING.has(code);

/** Whether an error stops the whole run, regardless of the step in which it occurs. */
export const stopsRun = (error: unknown): boolean => STOPPING.has(errorCodeOf(error) ?? '');
