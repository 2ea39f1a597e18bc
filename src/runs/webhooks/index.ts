export { AddressPolicy } from './address.ts';
export { sendMessage } from './send.ts';
export { drawSecret } from './sign.ts';
