// Writes the licences of all that is bundled beside it: of each package, and of those that a package has bundled itself.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";

const MODULES = resolve(import.meta.dirname, "node_modules");
const OF_A_PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)/g;
// Packages that bring no file with their licence, and whose it is.
const UNFILED: Record<string, string> = {
  "@dagrejs/dagre": "2012-2014 Chris Pettitt",
  "@json2csv/formatters": "2012 Mirco Zeiss, 2022 Juanjo Diaz",
  "@json2csv/plainjs": "2012 Mirco Zeiss, 2022 Juanjo Diaz",
  "@zazuko/yasgui": "Triply B.V., Zazuko GmbH",
};
const MIT = `MIT License

Copyright (c) HOLDER

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** The plugin. `besides`: packages of which files are copied. */
export function licences(besides: string[]): Plugin {
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      const found = new Set(besides);
      for (const part of Object.values(bundle)) {
        if (part.type !== "chunk") continue;
        for (const id of part.moduleIds) for (const name of packages(id)) found.add(name);
      }
      const texts = [...found].sort().map((name) => `${"=".repeat(72)}\n${name}\n${"=".repeat(72)}\n\n${text(name)}\n`);
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n") });
    },
  };
}

/** The package of a module, and those that its source map says are in it. */
function packages(id: string): string[] {
  const own = last(id);
  const map = `${id}.map`;
  if (own === undefined || !existsSync(map)) return own === undefined ? [] : [own];
  const { sources } = JSON.parse(readFileSync(map, "utf-8")) as { sources: string[] };
  return [own, ...sources.map(last).filter((name) => name !== undefined)];
}

function last(path: string): string | undefined {
  return [...path.matchAll(OF_A_PACKAGE)].pop()?.[1];
}

/** The licence of a package; throws where it is not known. */
function text(name: string): string {
  const folder = resolve(MODULES, name);
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^licen[cs]e/i.test(file)).sort() : [];
  if (files.length > 0) {
    return files.map((file) => readFileSync(resolve(folder, file), "utf-8").replace(/\r\n/g, "\n").trimEnd()).join("\n\n");
  }
  const holder = UNFILED[name];
  if (holder === undefined) throw new Error(`the licence of ${name} is not known`);
  return MIT.replace("HOLDER", holder);
}
