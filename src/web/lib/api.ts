import type { FieldError } from './contract.ts';
import { apiKey, connection, keyWanted } from './session.ts';

/** An answer that is a problem (RFC 9457), or none at all: then the status is 0. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: FieldError[];

  constructor(status: number, code: string, detail: string, fields: FieldError[] = []) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

interface CallOptions {
  method?: string;
  /** JSON when it is an object, else sent as it is. */
  body?: object | Blob | FormData;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export function authorization(): Record<string, string> {
  return apiKey.value === null ? {} : { authorization: `Bearer ${apiKey.value}` };
}

/** Statuses of proxies and of a server that is going away: the connection is as good as lost. */
const isAway = (status: number): boolean => status === 502 || status === 504;

/**
 * Calls the API.
 * @throws ApiError for every answer that is not a success; AbortError when the caller gave up
 */
export async function call(path: string, options: CallOptions = {}): Promise<Response> {
  const { method = options.body ? 'POST' : 'GET', body, signal } = options;
  const isBlob = body instanceof Blob;
  // The browser names a form's boundary itself.
  const isForm = body instanceof FormData;
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...authorization(),
    ...options.headers,
  };
  if (body !== undefined && !isForm) headers['content-type'] = isBlob ? body.type : 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : isBlob || isForm ? body : JSON.stringify(body),
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    connection.value = 'lost';
    throw new ApiError(0, 'offline', 'The server does not answer. This page tries again by itself.');
  }
  connection.value = isAway(response.status) ? 'lost' : 'ok';
  if (response.ok) return response;
  throw await toError(response);
}

/** The error an answer tells; one that asks for a key makes the page ask for it. */
export async function toError(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => ({}))) as Partial<{
    code: string;
    detail: string;
    errors: FieldError[];
  }>;
  const { code = 'unknown', detail = `The server answered ${response.status}.`, errors } = problem;
  if (response.status === 401) {
    keyWanted.value = apiKey.value === null ? 'This server asks for an API key.' : 'This key was refused.';
  }
  return new ApiError(response.status, code, detail, errors);
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await call(path, { signal })).json()) as T;
}

export async function sendJson<T>(path: string, body: object, options: CallOptions = {}): Promise<T> {
  return (await (await call(path, { ...options, body })).json()) as T;
}

/** The message to show for whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const isAbort = (error: unknown): boolean =>
  (error as { name?: string } | null)?.name === 'AbortError';
