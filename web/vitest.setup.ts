import { webcrypto } from 'node:crypto';

// Node 18 has it, but not as a global.
globalThis.crypto ??= webcrypto as Crypto;
