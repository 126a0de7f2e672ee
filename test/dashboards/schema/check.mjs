// Checks the dashboards against the types that Grafana itself is built with: the dashboard, its panels, and of each kind of
// panel the options and the custom settings of fields. Unknown members count as mistakes too. Queries are left out: the
// package has no types of them.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const here = import.meta.dirname;
const folder = path.join(here, '../../../deploy/grafana/dashboards');
const types = path.join(here, 'node_modules/@grafana/schema/dist/types');

// Where the types of each kind of panel are, and whether fields have custom settings.
const kinds = {
  timeseries: ['timeseries', true], stat: ['stat', false], heatmap: ['heatmap', true], table: ['table', false],
  logs: ['logs', false], 'state-timeline': ['statetimeline', true],
};

const composable = (name) => `${types}/raw/composable/${name}/panelcfg/x/types.gen`;

// JSON has plain strings and numbers where the types have enums.
const head = `
import type { Dashboard, Panel, VariableModel, AnnotationQuery, DashboardLink } from '@grafana/schema';
${Object.values(kinds).map(([name]) => `import type * as ${name} from '${composable(name)}';`).join('\n')}
type Loose<T> = T extends string ? \`\${T}\` : T extends number ? number
  : T extends (infer U)[] ? Loose<U>[] : T extends object ? { [K in keyof T]: Loose<T[K]> } : T;
`;

let failures = 0;
const files = readdirSync(folder).filter((f) => f.endsWith('.json'));
for (const file of files) {
  const board = JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
  const checks = []; // [what, source]
  const check = (what, value, type) => checks.push([what, `(${JSON.stringify(value)}) satisfies ${type};`]);
  const { panels, templating, annotations, links, ...rest } = board;
  check('dashboard', rest, "Loose<Omit<Dashboard, 'panels' | 'templating' | 'annotations' | 'links'>>");
  links.forEach((l) => check(`link ${l.title}`, l, 'Loose<DashboardLink>'));
  templating.list.forEach((v) => check(`variable ${v.name}`, v, 'Loose<VariableModel>'));
  // titleFormat is the Prometheus data source's own.
  (annotations.list ?? []).forEach(({ target, titleFormat, ...a }) =>
    check(`annotation ${a.name}`, a, "Loose<Omit<AnnotationQuery, 'target'>>"));
  for (const p of panels.filter((p) => p.type !== 'row')) {
    const at = `panel ${JSON.stringify(p.title)}`;
    if (!kinds[p.type]) {
      console.error(`${file}, ${at}: no types are known of the kind ${p.type}; add it to kinds`);
      failures++;
      continue;
    }
    const [kind, custom] = kinds[p.type];
    const { options, targets: _, fieldConfig, ...panel } = p;
    check(at, panel, "Loose<Omit<Panel, 'options' | 'targets' | 'fieldConfig'>>");
    check(`${at}, options`, options, `Partial<Loose<${kind}.Options>>`);
    const { custom: settings, ...defaults } = fieldConfig.defaults;
    check(`${at}, fields`, { ...fieldConfig, defaults }, "Loose<NonNullable<Panel['fieldConfig']>>");
    if (custom && settings) check(`${at}, custom settings`, settings, `Partial<Loose<${kind}.FieldConfig>>`);
  }
  failures += report(file, checks);
}
console.log(`${files.length} dashboards, ${failures} mistakes`);
process.exit(failures ? 1 : 0);

// report compiles one line for each check and says which of them are wrong.
function report(file, checks) {
  const name = path.join(here, 'dashboard.ts');
  const source = head + checks.map(([, line]) => line).join('\n');
  const first = head.split('\n').length - 1;
  const options = {
    strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.fileExists = (f) => f === name || fileExists(f);
  host.readFile = (f) => (f === name ? source : readFile(f));
  host.getSourceFile = (f, ...more) => (f === name ? ts.createSourceFile(f, source, more[0]) : getSourceFile(f, ...more));
  const program = ts.createProgram([name], options, host);
  const found = ts.getPreEmitDiagnostics(program);
  for (const d of found) {
    const line = d.file ? d.file.getLineAndCharacterOfPosition(d.start).line - first : -1;
    const what = d.file?.fileName === name && checks[line] ? checks[line][0] : d.file?.fileName ?? 'compiler';
    console.error(`${file}, ${what}: ${ts.flattenDiagnosticMessageText(d.messageText, '\n  ')}`);
  }
  return found.length;
}
