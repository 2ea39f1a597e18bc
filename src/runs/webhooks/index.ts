export { AddressPolicy } from './address.ts';
export { sendMessage } from './send.ts';
export { generateSecret } from './sign.ts';
