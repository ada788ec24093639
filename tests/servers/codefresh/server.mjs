// A GraphQL server with the published shapes of Codefresh: the platform, and the app-proxy of one runtime. It keeps state,
// and holds back for three questions what it says of a token that was written. Listens on 127.0.0.1 and the port in PORT.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { GraphQLError } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { makeExecutableSchema } from '@graphql-tools/schema';

const port = Number(process.env.PORT);
if (!port) throw new Error('PORT is not set');
const base = `http://127.0.0.1:${port}`;
const account = { id: 'acc-yoga', name: 'acme', admins: ['user-one'], gitProvider: 'GITHUB', gitApiUrl: 'https://api.github.com' };
const users = {
  '5fFAKEyoga.FAKEapikeyone': { id: 'user-one', name: 'one' },
  '5fFAKEyoga.FAKEapikeytwo': { id: 'user-two', name: 'two' },
};
const integrations = [
  { name: 'default', provider: 'GITHUB', apiUrl: 'https://api.github.com', sharingPolicy: 'ALL_USERS_IN_ACCOUNT', tokens: {} },
  { name: 'gitlab', provider: 'GITLAB', apiUrl: 'https://gitlab.com/api/v4', sharingPolicy: 'ALL_USERS_IN_ACCOUNT', tokens: {} },
];

// The raw key, without a word before it.
function context({ request }) {
  const user = users[request.headers.get('authorization') ?? ''];
  if (!user) {
    throw new GraphQLError('Unauthorized', { extensions: { code: 'UNAUTHENTICATED', http: { status: 200 } } });
  }
  return { user };
}

const isLive = (token) => !token.startsWith('ghp_FAKEdead');

function described(integration) {
  const { tokens, ...rest } = integration;
  const users = Object.entries(tokens).map(([userId, token]) => ({ userId, isValid: token.shown }));
  return { ...rest, users, registeredUsers: Object.keys(tokens) };
}

function look(integration) {
  for (const token of Object.values(integration.tokens)) {
    if (token.stale > 0) token.stale -= 1;
    else token.shown = isLive(token.value);
  }
  return described(integration);
}

function named(name) {
  const found = integrations.find((integration) => integration.name === (name ?? 'default'));
  if (!found) throw new GraphQLError(`git integration "${name}" does not exist`);
  return found;
}

const runtime = (name) => ({
  metadata: { name, namespace: name },
  managed: false,
  ingressHost: base,
  installationStatus: 'COMPLETED',
  accessMode: 'INGRESS',
});
const page = { hasNextPage: false, hasPrevPage: false };

const [platform, appProxy] = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8').split('# ---- app-proxy ----');
const yoga = (graphqlEndpoint, typeDefs, resolvers) =>
  createYoga({
    graphqlEndpoint,
    schema: makeExecutableSchema({ typeDefs, resolvers }),
    context,
    logging: false,
    maskedErrors: false,
    landingPage: false,
    graphiql: false,
  });

const graphs = [
  yoga('/2.0/api/graphql', platform, {
    Query: {
      me: (_, __, { user }) => ({ ...user, email: `${user.name}@example.com`, activeAccount: account }),
      runtime: (_, { name }) => (name === 'production' ? runtime(name) : null),
      runtimes: () => ({ edges: [{ node: runtime('production'), cursor: '1' }], pageInfo: page }),
    },
  }),
  yoga('/app-proxy/api/graphql', appProxy, {
    Query: {
      gitIntegrations: () => integrations.map(look),
      gitIntegration: (_, { name }) => look(named(name)),
    },
    Mutation: {
      registerToGitIntegration: (_, { args }, { user }) => {
        const integration = named(args.name);
        if (args.token === 'ghp_FAKErefused') throw new GraphQLError('invalid git token');
        const shown = integration.tokens[user.id]?.shown ?? false;
        integration.tokens[user.id] = { value: args.token, shown, stale: 3 };
        return described(integration);
      },
      deregisterFromGitIntegration: (_, { name }, { user }) => {
        const integration = named(name);
        delete integration.tokens[user.id];
        return described(integration);
      },
      editGitIntegration: (_, { args }) => {
        const integration = named(args.name);
        Object.assign(integration, { sharingPolicy: args.sharingPolicy, apiUrl: args.apiUrl ?? integration.apiUrl });
        return described(integration);
      },
    },
  }),
];

createServer((request, response) => {
  const path = request.url.split('?')[0];
  const graph = graphs.find((graph) => graph.graphqlEndpoint === path);
  if (graph) return graph(request, response);
  if (path === '/app-proxy/api/readyz') return response.end('OK');
  // For tests alone: what is stored, past the interface.
  if (path === '/stored') {
    const stored = integrations.map(({ name, tokens }) => [name, Object.fromEntries(Object.entries(tokens).map(([id, t]) => [id, t.value]))]);
    return response.end(JSON.stringify(Object.fromEntries(stored)));
  }
  response.statusCode = 404;
  response.end();
}).listen(port, '127.0.0.1', () => console.log(`ready on ${base}`));
