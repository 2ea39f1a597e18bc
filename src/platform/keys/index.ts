export { type AuditEntry, AuditLog } from './audit.ts';
export { createKey, hasActiveKey, readKeysFile, revokeKey } from './file.ts';
export { KeyName, type KeyRecord, keyState, SCOPES, Scope, splitKeySpec } from './record.ts';
export { type Caller, KeyRing } from './ring.ts';
