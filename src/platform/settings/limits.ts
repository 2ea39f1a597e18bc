import { totalmem } from 'node:os';
import { z } from 'zod';

const MIB = 1024 * 1024;
/** Share of the machine's memory that one run may be expected to take. */
const RUN_SHARE = 0.8;

/** Memory of this machine, or of the container this process is in where that has less. */
function memoryMib(): number {
  // 0 or huge where nothing constrains the process.
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.floor((Math.min(constrained, totalmem()) * RUN_SHARE) / MIB);
}

const whole = (min: number, max: number, standard: number, description: string) =>
  z.coerce.number().int().min(min).max(max).default(standard).describe(description);

const listOf = (item: z.ZodType<string, string>, description: string) =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((entry) => entry.trim())
        .filter(Boolean),
    )
    .pipe(z.array(item))
    .describe(description);

const list = (description: string) => listOf(z.string(), description);

/** Settings that bound what one client can take. */
export const LIMITS = {
  RATE_LIMIT: whole(
    0,
    1_000_000,
    1_200,
    'Requests a minute for each key, of one server process; more are answered with 429 and `Retry-After`. 0: no limit. A server without keys has none.',
  ),
  AUTH_FAILURES: whole(
    1,
    1_000_000,
    30,
    'Wrong keys a minute from one address (IPv6: one /64); more are answered with 429. Valid keys still pass.',
  ),
  STREAMS_PER_KEY: whole(
    1,
    100_000,
    64,
    'Event streams open at a time for each key, or each address on a server without keys; more are answered with 429.',
  ),
  BODY_MIB: whole(1, 1_024, 32, 'Mebibytes of a request body; more are answered with 413.'),
  IMAGE_MIB: whole(1, 256, 8, 'Mebibytes of one image file, as a body or within JSON.'),
  IMAGE_PIXELS: whole(
    784,
    268_000_000,
    16_000_000,
    'Pixels of one image once decoded; read from its header before anything is decoded.',
  ),
  CALL_PIXELS: whole(784, 4_000_000_000, 64_000_000, 'Pixels of all images of one call once decoded.'),
  CALL_IMAGES: whole(
    1,
    10_000,
    4_096,
    'Images that one call may have decoded by the model, whatever it asks in other ways; more are answered with 422.',
  ),
  SHEET_PIXELS: whole(
    4_096,
    268_000_000,
    16_000_000,
    'Pixels of the sheet that answers a call as a PNG, at its scale; more are answered with 422 before anything is computed.',
  ),
  DATASET_MIB: whole(
    1,
    65_536,
    512,
    'Mebibytes of an uploaded dataset, as it is sent; more are answered with 413.',
  ),
  DATASET_UNPACKED_MIB: whole(
    1,
    262_144,
    2_048,
    'Mebibytes of all files in the archive of a dataset, unpacked; what it states and what it holds are both checked.',
  ),
  DATASET_IMAGES: whole(10, 10_000_000, 100_000, 'Images of an uploaded dataset, and files in its archive.'),
  DATASET_PIXELS: whole(
    784,
    Number.MAX_SAFE_INTEGER,
    4_000_000_000,
    'Pixels of all images of an uploaded dataset once decoded, before they are fitted.',
  ),
  DATASET_UPLOADS: whole(
    1,
    100,
    2,
    'Uploaded datasets that are taken in at a time, a process each; more are answered with 429.',
  ),
  RUN_MEMORY_MIB: z.coerce
    .number()
    .int()
    .min(256)
    .default(memoryMib)
    .describe(
      "Mebibytes that a run may need by its estimate; more are answered with 422. Default: 80 % of this machine's or container's memory.",
    ),
  CONNECTIONS: whole(10, 100_000, 2_000, 'Connections open at a time; more are closed at once.'),
  HEADERS_TIMEOUT: whole(1, 600, 10, 'Seconds in which the headers of a request must have arrived.'),
  REQUEST_TIMEOUT: whole(1, 3_600, 60, 'Seconds in which a whole request must have arrived.'),
  UPLOAD_TIMEOUT: whole(
    1,
    86_400,
    3_600,
    'Seconds in which a dataset or a model that is uploaded must have arrived; by `REQUEST_TIMEOUT` where that is longer.',
  ),
  IDLE_TIMEOUT: whole(
    5,
    86_400,
    300,
    'Seconds without a byte in either direction after which a connection is closed.',
  ),
  ALLOWED_HOSTS: list(
    'Names, with commas, by which a server without keys may be called besides loopback ones (it refuses others, against DNS rebinding).',
  ),
  CORS_ORIGINS: listOf(
    z
      .string()
      .refine(
        (origin) => !origin.includes('*') && URL.canParse(origin) && new URL(origin).origin === origin,
        { error: 'must look like https://studio.example.org, without a path or a wildcard' },
      ),
    'Origins, with commas, such as `https://studio.example.org`, whose pages may call the API from a browser (CORS).',
  ),
  WEBHOOK_ALLOW: list(
    'Addresses, CIDRs and host names, with commas, that webhooks may call besides the public internet.',
  ),
  WEBHOOK_TIMEOUT: whole(1, 120, 10, 'Seconds in which the receiver of a webhook must have answered.'),
  TRUST_PROXY: list(
    'Addresses or CIDRs, with commas, of reverse proxies whose `X-Forwarded-For` is believed.',
  ),
};
