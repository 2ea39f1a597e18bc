import { useEffect, useState } from 'preact/hooks';
import { client, isAbort } from '../lib/client.ts';
import { apiKey } from '../lib/session.ts';

/**
 * An address that an `<img>` or `<video>` can load: the path itself, or with an API key, which such elements cannot
 * send, a blob of its content. The old address stays until the new one is loaded; null if loading failed.
 */
export function useMedia(path: string | null): string | null | undefined {
  const [url, setUrl] = useState<string | null | undefined>(undefined);
  const key = apiKey.value;
  useEffect(() => {
    if (path === null) return setUrl(null);
    if (key === null || path.startsWith('data:') || path.startsWith('blob:')) return setUrl(path);
    const controller = new AbortController();
    let created: string | undefined;
    client
      .download(path, { signal: controller.signal })
      .then(({ bytes, mediaType }) => {
        created = URL.createObjectURL(new Blob([bytes], { type: mediaType }));
        setUrl(created);
      })
      .catch((error: unknown) => {
        if (!isAbort(error)) setUrl(null);
      });
    return () => {
      controller.abort();
      if (created !== undefined) URL.revokeObjectURL(created);
    };
  }, [path, key]);
  return url;
}

interface PictureProps {
  path: string;
  alt: string;
  /** `ink` is a model's output, white on black; `sheet` is ink on paper; `plain` keeps its colours. */
  kind: 'ink' | 'sheet' | 'plain';
  class?: string;
  /** Called when the picture cannot be loaded. */
  onMissing?: () => void;
}

/** A picture in the colours of the theme: dark ink in the light theme, light ink in the dark theme. */
export function Picture({ path, alt, kind, class: name = '', onMissing }: PictureProps) {
  const url = useMedia(path);
  if (url === undefined || url === null) {
    return <span class={`picture empty ${name}`} role="img" aria-label={alt} />;
  }
  return <img class={`picture ${kind} ${name}`} src={url} alt={alt} draggable={false} onError={onMissing} />;
}

export const pngUrl = (base64: string): string => `data:image/png;base64,${base64}`;
