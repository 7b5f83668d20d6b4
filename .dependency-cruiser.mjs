// The boundaries of docs/architecture: who may import whom. TypeScript 7 has no parser API, so swc reads the sources; the
// architecture test asserts that modules were seen at all.
import { Visitor } from '@swc/core/Visitor.js'

// The cruiser walks the tree with a visitor of swc that swc itself no longer keeps: it knows no `await using`, which imports nothing.
const visitStatement = Visitor.prototype.visitStatement
Visitor.prototype.visitStatement = function (statement) {
  return statement.type === 'UsingDeclaration' ? statement : visitStatement.call(this, statement)
}

const test = '\\.test\\.ts$'

/** What each library may import, in the order of the layers; tests may import @loomworks/testing on top. */
const layers = [['kernel'], ['contracts'], ['sql', 'foray', 'client'], ['event-store', 'bus'], ['projections', 'sagas'], ['service-kit'], ['testing']]

const layerRules = layers.map((layer, depth) => ({
  name: `libs-${layer.join('-')}`,
  comment: 'Libraries form layers. Move what both need to a lower one, or hand it over as an argument.',
  severity: 'error',
  from: { path: `^libs/(${layer.join('|')})/`, pathNot: test },
  to: { path: '^libs/', pathNot: ['^libs/$1/', ...layers.slice(0, depth).map((lower) => `^libs/(${lower.join('|')})/`)] },
}))

/** Its adapter; `also` are the stub of its server and the benchmark that measures against it bare. */
const driver = (name, only, also = []) => ({
  name: `driver-${name.replace(/\W+/g, '-')}`,
  comment: `Only ${only} speaks to this driver: use its port.`,
  severity: 'error',
  from: { pathNot: [only, ...also].map((path) => `^${path}`) },
  to: { path: `(^|/)node_modules/(@types/)?${name}/` },
})

/** What a slice shows to its neighbours. */
const open = '/(events|queries|evolve|stream)\\.ts$'

export default {
  forbidden: [
    {
      name: 'no-service-to-service',
      comment: 'Services speak over the bus or HTTP: use a message of @loomworks/contracts, or the service client.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'no-service-from-libs',
      comment: 'A library serves services and knows none: take what you need as an argument.',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^services/' },
    },
    {
      name: 'nothing-from-outside',
      comment: 'Shipped code stands without the tools around it: move what it needs into a library.',
      severity: 'error',
      from: { path: '^(libs|services)/', pathNot: [test, '^libs/testing/src/global-setup\\.ts$'] },
      to: { path: '^(dev|tools|tests|bench)/' },
    },
    {
      name: 'slice-to-slice',
      comment: 'A slice is read by itself: use the events.ts, queries.ts, evolve.ts or stream.ts of the other folder.',
      severity: 'error',
      from: { path: '^services/([^/]+)/src/([^/]+)/[^/]+$', pathNot: test },
      to: { path: '^services/$1/src/[^/]+/', pathNot: ['^services/$1/src/$2/', open] },
    },
    {
      name: 'command-to-slice',
      comment: 'A command is read by itself: use the files of its own model, or events.ts, queries.ts, evolve.ts, stream.ts of another folder.',
      severity: 'error',
      from: { path: '^services/([^/]+)/src/([^/]+)/([^/]+)/', pathNot: test },
      to: { path: '^services/$1/src/[^/]+/', pathNot: ['^services/$1/src/$2/$3/', '^services/$1/src/$2/[^/]+$', open] },
    },
    {
      name: 'decisions-are-pure',
      comment: 'decide.ts and evolve.ts know the kernel, the contracts and the words of their service; everything else arrives in the command.',
      severity: 'error',
      from: { path: '^services/([^/]+)/.*/(decide|evolve)\\.ts$' },
      to: { pathNot: ['^libs/(kernel|contracts)/', '^services/$1/.*/(errors|vocabulary|events|evolve|stream|state)\\.ts$'] },
    },
    driver('pg', 'libs/sql/'),
    driver('pg-copy-streams', 'libs/sql/'),
    driver('nats', 'libs/bus/src/nats\\.ts'),
    driver('@eventstore/db-client', 'libs/event-store/src/eventstoredb\\.ts', ['libs/testing/src/esdb-stub/protocol\\.ts', 'bench/eventstoredb\\.ts']),
    {
      name: 'stub-is-not-shipped',
      comment: 'The stub of EventStoreDB is a fixture of tests and benchmarks: no command may reach it.',
      severity: 'error',
      from: { pathNot: [test, '^libs/testing/', '^tests/', '^bench/'] },
      to: { path: '^libs/testing/src/esdb-stub/' },
    },
    {
      name: 'stub-takes-messages-alone',
      comment: 'The stub speaks the protocol with the messages that the client ships, and takes nothing else of it.',
      severity: 'error',
      from: { path: '^libs/testing/' },
      to: { path: '(^|/)node_modules/@eventstore/db-client/', pathNot: 'db-client/generated/' },
    },
    ...layerRules,
    {
      name: 'no-circular',
      comment: 'Two files that need each other are one idea, or hide a third: split it out.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    { name: 'not-to-unresolvable', comment: 'There is no such module.', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)node_modules/.*/node_modules/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
}
