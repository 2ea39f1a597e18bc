import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { errorCodeOf, StylographError } from '../../core/errors.ts';
import type { S3Location } from './location.ts';

/** Time-outs of a caller. */
export interface Patience {
  /** Milliseconds for one request, including the SDK's retries. */
  timeoutMs: number;
  /** Milliseconds for which requests are repeated while the store does not answer. */
  retryForMs: number;
}

/** For a caller that waits for an answer. */
export const PROMPT: Patience = { timeoutMs: 10_000, retryForMs: 0 };
/** For a run: an hour of training is worth minutes of waiting. */
export const PATIENT: Patience = { timeoutMs: 120_000, retryForMs: 600_000 };

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const DELETED_AT_ONCE = 1000;

export interface Fetched {
  bytes: Uint8Array;
  etag: string;
}

export interface Listed {
  key: string;
  modifiedAt: number;
}

type Sdk = typeof import('@aws-sdk/client-s3');

interface ServiceError extends Error {
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

const statusOf = (error: unknown): number | undefined =>
  (error as ServiceError | null)?.$metadata?.httpStatusCode;
const nameOf = (error: unknown): string => (error as ServiceError | null)?.name ?? '';

const FULL = new Set(['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull', 'StorageFull']);

/** Errors that callers handle; all others become a StylographError with the remedy. */
export const isMissing = (error: unknown): boolean =>
  statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket';
export const isRefused = (error: unknown): boolean => [409, 412].includes(statusOf(error) ?? 0);

/** The requests to a bucket; keys are relative to the prefix. */
export class Bucket {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #location: S3Location;
  readonly #patience: Patience;

  constructor(sdk: Sdk, location: S3Location, patience: Patience) {
    const { endpoint, region } = location;
    this.#sdk = sdk;
    this.#location = location;
    this.#patience = patience;
    this.#client = new sdk.S3Client({
      region,
      // We check our own digests, which distinguish damage from a server that does not answer.
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Servers other than Amazon's rarely have a host name per bucket.
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    });
  }

  /** @throws store_unavailable if the bucket cannot be reached or does not exist */
  async check(): Promise<void> {
    try {
      await this.#send(
        (signal) =>
          this.#client.send(new this.#sdk.HeadBucketCommand({ Bucket: this.#location.bucket }), {
            abortSignal: signal,
          }),
        'the bucket',
      );
    } catch (error) {
      if (isMissing(error)) throw this.#unavailable('does not exist; create it, or correct STORE_URL', error);
      throw error;
    }
  }

  async get(key: string): Promise<Fetched | undefined> {
    try {
      return await this.#send(async (abortSignal) => {
        const answer = await this.#client.send(new this.#sdk.GetObjectCommand(this.#at(key)), {
          abortSignal,
        });
        return { bytes: await answer.Body!.transformToByteArray(), etag: answer.ETag ?? '' };
      }, key);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async has(key: string): Promise<boolean> {
    try {
      await this.#send(
        (abortSignal) => this.#client.send(new this.#sdk.HeadObjectCommand(this.#at(key)), { abortSignal }),
        key,
      );
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** @param condition `If-Match` with an ETag, or `If-None-Match: *`. @throws the server's error if it is not met */
  async put(
    key: string,
    bytes: Uint8Array,
    condition: { IfMatch?: string; IfNoneMatch?: '*' } = {},
  ): Promise<void> {
    const input = { ...this.#at(key), ...condition, Body: bytes };
    await this.#send(
      (abortSignal) => this.#client.send(new this.#sdk.PutObjectCommand(input), { abortSignal }),
      key,
    );
  }

  /** The files and folders directly under a prefix that ends in a slash. */
  async list(prefix: string): Promise<{ files: string[]; folders: string[] }> {
    const files: string[] = [];
    const folders: string[] = [];
    for await (const page of this.#pages(prefix, '/')) {
      for (const { Key } of page.Contents ?? []) files.push(this.#relative(Key!).slice(prefix.length));
      for (const { Prefix } of page.CommonPrefixes ?? []) {
        folders.push(this.#relative(Prefix!).slice(prefix.length, -1));
      }
    }
    return { files: files.filter(Boolean), folders };
  }

  /** Every object below a prefix. */
  async *all(prefix: string): AsyncGenerator<Listed> {
    for await (const page of this.#pages(prefix)) {
      for (const { Key, LastModified } of page.Contents ?? []) {
        yield { key: this.#relative(Key!), modifiedAt: LastModified?.getTime() ?? Date.now() };
      }
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += DELETED_AT_ONCE) {
      const Objects = keys.slice(from, from + DELETED_AT_ONCE).map((key) => ({ Key: this.#at(key).Key }));
      const command = new this.#sdk.DeleteObjectsCommand({
        Bucket: this.#location.bucket,
        Delete: { Objects, Quiet: true },
      });
      const { Errors = [] } = await this.#send(
        (abortSignal) => this.#client.send(command, { abortSignal }),
        'objects',
      );
      const first = Errors[0];
      if (first) throw this.#unavailable(`refused to delete ${first.Key}: ${first.Message ?? first.Code}`);
    }
  }

  async *#pages(prefix: string, delimiter?: string) {
    let token: string | undefined;
    do {
      const command = new this.#sdk.ListObjectsV2Command({
        Bucket: this.#location.bucket,
        Prefix: `${this.#location.prefix}${prefix}`,
        ...(delimiter !== undefined && { Delimiter: delimiter }),
        ...(token !== undefined && { ContinuationToken: token }),
      });
      const page = await this.#send((abortSignal) => this.#client.send(command, { abortSignal }), prefix);
      yield page;
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#location.bucket, Key: `${this.#location.prefix}${key}` };
  }

  #relative(key: string): string {
    return key.slice(this.#location.prefix.length);
  }

  /** Sends a request, and repeats it while the store is unavailable. @throws store_unavailable, disk_full, other server errors */
  async #send<T>(request: (signal: AbortSignal) => Promise<T>, what: string): Promise<T> {
    const deadline = Date.now() + this.#patience.retryForMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await request(AbortSignal.timeout(this.#patience.timeoutMs));
      } catch (error) {
        const explained = this.#explain(error, what);
        const mayRetry = errorCodeOf(explained) === 'store_unavailable' && Date.now() + pauseMs <= deadline;
        if (!mayRetry) throw explained;
      }
      await sleep(pauseMs);
    }
  }

  #explain(error: unknown, what: string): unknown {
    const status = statusOf(error);
    const name = nameOf(error);
    if (FULL.has(name) || status === 507) {
      const message = `The store is full: ${what} could not be written. Free some space in ${this.#location.bucket}, then resume.`;
      return new StylographError('disk_full', message, { cause: error });
    }
    if (name === 'NoSuchBucket') {
      return this.#unavailable('does not exist; create it, or correct STORE_URL', error);
    }
    if (status === 401 || status === 403) {
      return this.#unavailable(
        `refused ${what} (${name}); check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their permissions`,
        error,
      );
    }
    if (name === 'CredentialsProviderError') {
      return this.#unavailable('needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY', error);
    }
    if (status !== undefined && status < 500 && status !== 408 && status !== 429) return error;
    const detail = (error as ServiceError | null)?.code ?? (error as Error | null)?.message ?? String(error);
    return this.#unavailable(`does not answer (${detail || name})`, error);
  }

  #unavailable(what: string, cause?: unknown): StylographError {
    const { bucket, endpoint } = this.#location;
    const where = endpoint === undefined ? bucket : `${bucket} at ${endpoint}`;
    return new StylographError('store_unavailable', `The store ${where} ${what}.`, { retryAfter: 5, cause });
  }
}
