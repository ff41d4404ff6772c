import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript'
import importX from 'eslint-plugin-import-x'
import tseslint from 'typescript-eslint'
import { publicImports } from './scripts/eslint-public-imports.js'

/** Which way imports may point (docs/architecture.md, "Directions"). `target` may not import `from`, but for `except`. */
const CORE = [
  ...[
    'types.ts',
    'errors.ts',
    'logger.ts',
    'events.ts',
    'process-state.ts',
    'context.ts',
    'drain-header.ts',
    'instance.ts',
    'diagnostics.ts',
    // The types of figures, for the event.
    'observe/operation.ts',
  ],
  'util',
  'tracing',
]
const only = (target, allowed, message) => ({
  target: `./src/${target}`,
  from: './src',
  except: [...new Set([...CORE, target, ...allowed])].map((path) => `./${path}`),
  message,
})

const zones = [
  only('types.ts', [], 'types.ts stands below everything'),
  only('errors.ts', [], 'errors.ts stands below everything'),
  only('tracing', [], 'spans know no layer that has them'),
  only('util', [], 'util holds helpers with no knowledge of the sidecar'),
  only('properties', [], 'properties hold documents; they know nothing of settings, nor where documents come from'),
  only('settings', ['properties'], 'settings know properties only'),
  only('snapshot', [], 'snapshots are files; they know neither services nor documents'),
  only(
    'config',
    ['properties', 'settings', 'snapshot', 'nacos/transport.ts'],
    'config sees Nacos through nacos/transport.ts only',
  ),
  only('nacos', ['settings'], 'nacos knows no layer above it'),
  only('registration', ['settings', 'nacos/transport.ts'], 'registration sees Nacos through nacos/transport.ts only'),
  only(
    'lifecycle',
    ['registration/member.ts', 'adapters/adapter.ts', 'config/config.ts'],
    'the lifecycle sees the app through its adapter, the registry through its member, and properties through config.ts',
  ),
  only(
    'discovery',
    ['settings', 'snapshot', 'nacos/transport.ts'],
    'discovery sees Nacos through nacos/transport.ts only',
  ),
  only('balance', ['settings', 'discovery'], 'balancers see instances, not Nacos'),
  only(
    'calls',
    ['settings', 'discovery', 'balance', 'snapshot', 'observe/recorder.ts', 'observe/timed.ts', 'observe/verb.ts'],
    'calls see directories and balancers, neither Nacos nor what is built on calls',
  ),
  only('feign', ['settings', 'discovery', 'balance', 'calls'], 'typed clients stand on calls, beside http'),
  only('http', ['settings', 'discovery', 'balance', 'calls'], 'fetch, axios and undici stand on calls, beside feign'),
  only(
    'proxy',
    [
      ...['settings', 'discovery', 'balance', 'calls', 'http', 'adapters/adapter.ts', 'lifecycle/streams.ts'],
      ...['lifecycle/http-server.ts', 'auth/token.ts', 'auth/without-tokens.ts'],
    ],
    'a gateway line is a call by logical name between two sockets',
  ),
  only(
    'observe',
    ['settings', 'properties', 'config', 'nacos/transport.ts', 'auth/verifier.ts'],
    'figures know what they wrap, and no more',
  ),
  only(
    'actuator',
    ['adapters', 'auth', 'settings', 'properties', 'observe', 'logging.ts'],
    'pages are made of figures and facts; they know no layer that has them',
  ),
  only(
    'status-page',
    [
      ...[
        'adapters/adapter.ts',
        'auth',
        'settings',
        'properties',
        'observe',
        'logging.ts',
        'pages',
        'sidecar-status.ts',
      ],
      ...[
        'actuator/sendings.ts',
        'alerts/alerts.ts',
        'balance/outlier-detector.ts',
        'discovery',
        'registration/member.ts',
      ],
    ],
    'the report is made of facts that status-facts.ts asks for',
  ),
  only(
    'messaging',
    [
      ...['settings', 'properties', 'config', 'work', 'observe/recorder.ts', 'observe/traced.ts'],
      ...['calls/propagation.ts', 'auth/request-context.ts', 'auth/token.ts'],
    ],
    'events know what a sidecar lends them (messaging/host.ts), and no more',
  ),
  only(
    'nameko',
    ['messaging', 'observe/traced.ts', 'work', 'feign/json-value.ts'],
    'calls of Nameko stand on the connection and the headers of events',
  ),
  only('auth', ['settings'], 'the guard is framework-free'),
  only('adapters', ['auth', 'settings', 'lifecycle/http-server.ts'], 'adapters see auth and types only'),
  {
    target: './src/pages',
    from: './src',
    except: ['./pages'],
    message: 'pages are served by the embedded registry and by the client: they share code with neither',
  },
  only(
    'dev-server',
    ['pages'],
    'the embedded registry shares no code with the client: a shared bug would be invisible',
  ),
  {
    target: './src/!(sidecar|index|register|nest|service|testing|cli)/**',
    from: ['./src/sidecar.ts', './src/compose.ts'],
    message: 'only the ways in see sidecar.ts and compose.ts',
  },
]

/** Words for persons that stand for machines (CONTRIBUTING.md, "Prose"), in comments and texts. */
const PERSONS = /\b(?:nobody|somebody|anybody|everybody|whoever|whomever|whom)\b/i
const plainWords = {
  create({ sourceCode, report }) {
    const check = (loc, text) => {
      const [word] = PERSONS.exec(text) ?? []
      if (word) report({ loc, message: `"${word}" stands for a machine: name it (CONTRIBUTING.md, "Prose")` })
    }
    return {
      Program() {
        for (const { loc, value } of sourceCode.getAllComments()) check(loc, value)
      },
      Literal: ({ loc, value }) => typeof value === 'string' && check(loc, value),
      TemplateElement: ({ loc, value }) => check(loc, value.raw),
    }
  },
}

export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', 'reference/**', 'test/real/java/**', 'node_modules/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.js'] } } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver({ project: 'tsconfig.json' })] },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    // The other decorator mode has a tsconfig of its own.
    files: ['test/legacy/**/*.ts', 'examples/nest/**/*.ts'],
    languageOptions: { parserOptions: { projectService: false, project: './tsconfig.legacy.json' } },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { local: { rules: { 'plain-words': plainWords } } },
    rules: {
      'local/plain-words': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
      'import-x/no-cycle': ['error', { maxDepth: 6 }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='AbortSignal'][property.name='timeout']",
          message:
            'Held by an AbortSignal.any alone, it is garbage-collected on Node 20 and never comes: util/deadline.ts',
        },
        {
          selector: "LogicalExpression[operator='??'] YieldExpression",
          message: 'The CommonJS build puts the right side of ?? into a function, where yield is a syntax error',
        },
      ],
    },
  },
  {
    // They run in a browser; tsc checks them with a tsconfig of their own.
    files: ['src/pages/browser/**/*.js'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write', 'setHTMLUnsafe', 'srcdoc'].map((property) => ({
          property,
          message: 'What a name or a document holds must stay text: el() and fill() of base/dom.js',
        })),
      ],
      'no-console': 'error',
      'no-eval': 'error',
    },
  },
  { files: ['src/cli/**/*.ts', 'src/logger.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['src/adapters/**/*.ts'],
    rules: {
      'no-restricted-imports': 'off',
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: ['express', 'fastify', 'koa'].map((name) => ({
            name,
            allowTypeImports: true,
            message: 'Frameworks are loaded by the app: import type only.',
          })),
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    ignores: ['test/package/**'],
    plugins: { local: { rules: { 'public-imports': publicImports } } },
    rules: { 'local/public-imports': ['error', 'all'] },
  },
  // They run outside of vitest, where `nacos-sidecar` is the built package.
  { files: ['test/{fixtures,bench,rollout}/**/*.ts'], rules: { 'local/public-imports': ['error', 'types'] } },
  { files: ['test/**/*.ts', 'examples/**/*.ts'], rules: { '@typescript-eslint/no-unused-expressions': 'off' } },
)
