import { totalmem } from 'node:os';
import { z } from 'zod';
import { listOf, wholeNumber } from './values.ts';

const MIB = 1024 * 1024;
/** Share of the machine's memory that one run may need. */
const RUN_SHARE = 0.8;

/** Memory that one run may need on this machine, or in this container if that has less. */
function defaultRunMemoryMib(): number {
  // 0 or huge where nothing constrains the process.
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.floor((Math.min(constrained, totalmem()) * RUN_SHARE) / MIB);
}

const isOrigin = (text: string): boolean =>
  !text.includes('*') && URL.canParse(text) && new URL(text).origin === text;

export const RATE_SETTINGS = {
  RATE_LIMIT: wholeNumber(
    { min: 0, max: 1_000_000, standard: 1_200 },
    'Requests per minute and key, per server process. Further requests are answered with 429 and `Retry-After`. 0 means no limit. A server without keys has no limit.',
  ),
  AUTH_FAILURES: wholeNumber(
    { min: 1, max: 1_000_000, standard: 30 },
    'Requests with a wrong key per minute and address (IPv6: per /64). Further ones are answered with 429; requests with a valid key are not affected.',
  ),
  STREAMS_PER_KEY: wholeNumber(
    { min: 1, max: 100_000, standard: 64 },
    'Open event streams per key, or per address on a server without keys. Further ones are answered with 429.',
  ),
  INFERENCE_QUEUE: wholeNumber(
    { min: 64, max: 10_000, standard: 256 },
    'Inference calls in the queue. Further ones are answered with 429.',
  ),
  RUN_QUEUE: wholeNumber(
    { min: 1, max: 10_000, standard: 100 },
    'Runs in the queue. Further ones are answered with 429.',
  ),
};

export const SIZE_SETTINGS = {
  BODY_MIB: wholeNumber(
    { min: 1, max: 1_024, standard: 32 },
    'Size of a request body in MiB. Larger ones are answered with 413.',
  ),
  IMAGE_MIB: wholeNumber(
    { min: 1, max: 256, standard: 8 },
    'Size of one image file in MiB, as a body or inside JSON.',
  ),
  IMAGE_PIXELS: wholeNumber(
    { min: 784, max: 268_000_000, standard: 16_000_000 },
    'Pixels of one decoded image. They are read from its header, before it is decoded.',
  ),
  CALL_PIXELS: wholeNumber(
    { min: 784, max: 4_000_000_000, standard: 64_000_000 },
    'Pixels of all decoded images of one call.',
  ),
  CALL_IMAGES: wholeNumber(
    { min: 1, max: 10_000, standard: 4_096 },
    'Images that the model decodes for one call. Larger calls are answered with 422.',
  ),
  SHEET_PIXELS: wholeNumber(
    { min: 4_096, max: 268_000_000, standard: 16_000_000 },
    'Pixels of a sheet of images in an answer, after scaling. Larger sheets are answered with 422 before anything is computed.',
  ),
  RUN_MEMORY_MIB: z.coerce
    .number()
    .int()
    .min(256)
    .default(defaultRunMemoryMib)
    .describe(
      'Memory in MiB that a run may need, as estimated before it starts. Larger runs are answered with 422. The default is 80 % of the memory of the machine or container.',
    ),
  DATASET_MIB: wholeNumber(
    { min: 1, max: 65_536, standard: 512 },
    'Size of an uploaded dataset in MiB. Larger ones are answered with 413.',
  ),
  DATASET_UNPACKED_MIB: wholeNumber(
    { min: 1, max: 262_144, standard: 2_048 },
    "Size of all unpacked files of a dataset's archive in MiB. Both the stated and the actual sizes are checked.",
  ),
  DATASET_IMAGES: wholeNumber(
    { min: 10, max: 10_000_000, standard: 100_000 },
    'Images of an uploaded dataset, and files in its archive.',
  ),
  DATASET_PIXELS: wholeNumber(
    { min: 784, max: Number.MAX_SAFE_INTEGER, standard: 4_000_000_000 },
    'Pixels of all decoded images of an uploaded dataset, before they are resized.',
  ),
  DATASET_UPLOADS: wholeNumber(
    { min: 1, max: 100, standard: 2 },
    'Datasets that are received and checked at a time, each in its own process. Further uploads are answered with 429.',
  ),
};

export const NETWORK_SETTINGS = {
  CONNECTIONS: wholeNumber(
    { min: 10, max: 100_000, standard: 2_000 },
    'Open connections. Further ones are closed at once.',
  ),
  HEADERS_TIMEOUT: wholeNumber(
    { min: 1, max: 600, standard: 10 },
    'Seconds within which the headers of a request must arrive.',
  ),
  REQUEST_TIMEOUT: wholeNumber(
    { min: 1, max: 3_600, standard: 60 },
    'Seconds within which a whole request must arrive.',
  ),
  UPLOAD_TIMEOUT: wholeNumber(
    { min: 1, max: 86_400, standard: 3_600 },
    'Seconds within which an uploaded dataset or model must arrive. `REQUEST_TIMEOUT` applies if it is longer.',
  ),
  IDLE_TIMEOUT: wholeNumber(
    { min: 5, max: 86_400, standard: 300 },
    'Seconds without a byte in either direction after which a connection is closed.',
  ),
  ALLOWED_HOSTS: listOf(
    z.string(),
    'Comma-separated host names that a server without keys accepts besides loopback. It rejects other names as protection against DNS rebinding.',
  ),
  CORS_ORIGINS: listOf(
    z.string().refine(isOrigin, {
      error: 'must be an origin such as https://studio.example.org, without a path or a wildcard',
    }),
    'Comma-separated origins, such as `https://studio.example.org`, whose pages may call the API from a browser (CORS).',
  ),
  TRUST_PROXY: listOf(
    z.string(),
    'Comma-separated addresses or CIDRs of reverse proxies whose `X-Forwarded-For` header is trusted.',
  ),
  WEBHOOK_ALLOW: listOf(
    z.string(),
    'Comma-separated addresses, CIDRs and host names that webhooks may call besides the public internet.',
  ),
  WEBHOOK_TIMEOUT: wholeNumber(
    { min: 1, max: 120, standard: 10 },
    'Seconds within which the receiver of a webhook must answer.',
  ),
};
