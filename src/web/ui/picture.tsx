import { useEffect, useState } from 'preact/hooks';
import { call, isAbort } from '../lib/api.ts';
import { apiKey } from '../lib/session.ts';

/**
 * An address that an `<img>` or `<video>` can load: the path itself, or with an API key, which such elements cannot
 * send, a blob of what it holds. The former one stays until the next is there; null when there is nothing at the path.
 */
export function useMedia(path: string | null): string | null | undefined {
  const [url, setUrl] = useState<string | null | undefined>(undefined);
  const key = apiKey.value;
  useEffect(() => {
    if (path === null) return setUrl(null);
    if (key === null || path.startsWith('data:') || path.startsWith('blob:')) return setUrl(path);
    const controller = new AbortController();
    let made: string | undefined;
    call(path, { headers: { accept: '*/*' }, signal: controller.signal })
      .then((response) => response.blob())
      .then((blob) => {
        made = URL.createObjectURL(blob);
        setUrl(made);
      })
      .catch((error: unknown) => {
        if (!isAbort(error)) setUrl(null);
      });
    return () => {
      controller.abort();
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [path, key]);
  return url;
}

interface PictureProps {
  path: string;
  alt: string;
  /** `ink` is white on black as models make it, `sheet` is drawn as ink on paper already. */
  kind: 'ink' | 'sheet' | 'plain';
  class?: string;
  /** Called when there is no such picture. */
  onMissing?: () => void;
}

/** A picture in the colours of the theme: ink on paper by day, light on dark by night. */
export function Picture({ path, alt, kind, class: name = '', onMissing }: PictureProps) {
  const url = useMedia(path);
  if (url === undefined || url === null) {
    return <span class={`picture empty ${name}`} role="img" aria-label={alt} />;
  }
  return <img class={`picture ${kind} ${name}`} src={url} alt={alt} draggable={false} onError={onMissing} />;
}

export const pngUrl = (base64: string): string => `data:image/png;base64,${base64}`;
