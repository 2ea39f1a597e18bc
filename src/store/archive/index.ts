export { packModel } from './pack.ts';
export { unpackModel } from './unpack.ts';
