// Prism between us and an upstream: `node proxy.mjs UPSTREAM`. It listens on a free port of 127.0.0.1, says which, and ends
// with its standard input: when the test that started it ends, however that ends.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// Of a body whose schema does not compile Prism checks nothing, and does not say so. So the proxy ends where one does not, and
// `nullable` beside no `type`, as in `installation`, is left out: it is without effect there (OpenAPI 3.0.3), and no schema to Ajv.
const prism = createRequire(createRequire(import.meta.url).resolve('@stoplight/prism-http'));
const Ajv = prism('ajv/dist/core').default;
const compile = Ajv.prototype.compile;
function withoutEffectless(_, node) {
  if (node?.nullable === true && node.type === undefined) delete node.nullable;
  return node;
}
Ajv.prototype.compile = function (schema, ...rest) {
  try {
    return compile.call(this, JSON.parse(JSON.stringify(schema), withoutEffectless), ...rest);
  } catch (error) {
    console.error(`the schema ${schema.title} cannot be checked: ${error.message}`);
    return process.exit(1);
  }
};

const description = fileURLToPath(new URL('github.json', import.meta.url));
const upstream = process.argv[2];
process.stdin.on('end', () => process.exit()).resume();
process.argv.splice(2, 1, 'proxy', description, upstream, '--errors', '--host', '127.0.0.1', '--port', '0', '--multiprocess', 'false');
await import('@stoplight/prism-cli');
