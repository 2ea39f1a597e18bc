/** Path of the python of a virtual environment in the cache, made when it is missing. */
export declare function ensureVenv(wish: {
  name: string;
  requirements: string;
  what: string;
  gigabytes: number;
  oldest: [number, number];
}): Promise<string>;
