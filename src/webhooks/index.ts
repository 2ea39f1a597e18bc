export { AddressPolicy } from './address.ts';
export { type Message, sendMessage } from './send.ts';
export { drawSecret } from './sign.ts';
