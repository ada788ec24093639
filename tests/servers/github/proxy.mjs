// Prism between us and an upstream: `node proxy.mjs UPSTREAM`. It listens on a free port of 127.0.0.1, says which, and ends
// with its standard input: when the test that started it ends, however that ends.

import { fileURLToPath } from 'node:url';

const description = fileURLToPath(new URL('github.json', import.meta.url));
const upstream = process.argv[2];
process.stdin.on('end', () => process.exit()).resume();
process.argv.splice(2, 1, 'proxy', description, upstream, '--errors', '--host', '127.0.0.1', '--port', '0', '--multiprocess', 'false');
await import('@stoplight/prism-cli');
