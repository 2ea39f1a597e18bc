/** A picture as the server sent it. */
export interface Picture {
  bytes: Uint8Array<ArrayBuffer>;
  mediaType: string;
  /** The model that generated it; undefined for figures. */
  modelId: string | undefined;
  /** The seed of the first image; undefined if no image was drawn from a seed. */
  seed: number | undefined;
}

/**
 * A picture to send: bytes of a PNG, JPEG or WebP file, a Blob or File of one, its base64, or rows of pixels
 * (0 to 255, ink is high).
 */
export type ImageSource = Blob | ArrayBuffer | Uint8Array | string | { pixels: number[][] | number[][][] };

/** Large arrays are converted in pieces, since a function call has a limited number of arguments. */
const PIECE = 0x8000;

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  }
  return btoa(text);
}

export function fromBase64(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** An image in the form of a request body. */
export async function toImageInput(
  source: ImageSource,
): Promise<{ png: string } | { pixels: number[][] | number[][][] }> {
  if (typeof source === 'string') return { png: source };
  if (source instanceof Blob) return { png: toBase64(new Uint8Array(await source.arrayBuffer())) };
  if (source instanceof ArrayBuffer) return { png: toBase64(new Uint8Array(source)) };
  if (source instanceof Uint8Array) return { png: toBase64(source) };
  return source;
}

export async function toPicture(response: Response): Promise<Picture> {
  const seed = response.headers.get('x-seed');
  return {
    bytes: new Uint8Array(await response.arrayBuffer()),
    mediaType: response.headers.get('content-type') ?? 'application/octet-stream',
    modelId: response.headers.get('x-model-id') ?? undefined,
    seed: seed === null ? undefined : Number(seed),
  };
}
